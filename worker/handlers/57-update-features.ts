/**
 * UpdateFeatures, versions 0–2. Levels come with the release, so only what is true already can be asked for. KIP-584.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { updateFeatures } from "../../protocol/messages/57-update-features.ts";
import { features } from "../features.ts";
import { defineHandler } from "./define-handler.ts";

export const updateFeaturesHandler = defineHandler({
  api: updateFeatures,
  versions: [0, 2],
  handle({ featureUpdates }) {
    const results = featureUpdates.map(({ feature, maxVersionLevel }) => ({ feature, ...updated(feature, maxVersionLevel) }));
    const failed = results.find(({ errorCode }) => errorCode !== errorCodes.NONE);
    // The updates stand or fall together, and say so in one place.
    if (failed === undefined) return { errorMessage: null, results };
    const errorMessage = `The update failed for all features since the following feature had an error: ${failed.errorMessage}`;
    return { errorCode: failed.errorCode, errorMessage };
  },
});

function updated(name: string, level: number) {
  const feature = features.find((each) => each.name === name);
  if ((feature?.level ?? 0) === level) return { errorCode: errorCodes.NONE, errorMessage: null };
  const reason =
    feature === undefined
      ? `Local controller 0 does not support this feature.`
      : `The level of this feature is fixed at ${feature.level} by the release.`;
  const errorMessage = `Invalid update version ${level} for feature ${name}. ${reason}`;
  return { errorCode: errorCodes.INVALID_UPDATE_VERSION, errorMessage };
}
