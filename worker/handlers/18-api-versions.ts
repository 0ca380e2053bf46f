/**
 * ApiVersions, versions 0–4. What is advertised is what is registered, nothing is listed twice. KIP-511 (client name and version),
 * KIP-584 (features). A version above 4 never comes here: the connection answers it in version 0 with error 35.
 */
import type { Handler } from "../../durable-objects/handler.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { apiVersions } from "../../protocol/messages/18-api-versions.ts";
import { features } from "../features.ts";
import { defineHandler } from "./define-handler.ts";

const softwarePattern = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/;

export function apiVersionsHandler(handlers: () => Iterable<Handler>): Handler {
  return defineHandler({
    api: apiVersions,
    versions: [0, 4],
    handle(request, { apiVersion }) {
      if (apiVersion >= 3 && !isValidSoftware(request.clientSoftwareName, request.clientSoftwareVersion)) {
        return { errorCode: errorCodes.INVALID_REQUEST };
      }
      const apiKeys = [...handlers()].map(({ api, versions: [min, max], advertisedMin }) => ({
        apiKey: api.key,
        minVersion: advertisedMin ?? min,
        maxVersion: max,
      }));
      return { apiKeys, ...featureFields(apiVersion) };
    },
  });
}

function isValidSoftware(name: string, version: string): boolean {
  return softwarePattern.test(name) && softwarePattern.test(version);
}

/** Before version 4 a client would stumble over a feature that may be at level 0. */
function featureFields(apiVersion: number) {
  const supported = features.filter(({ minVersion }) => apiVersion >= 4 || minVersion > 0);
  const finalized = features.filter(({ level }) => level > 0);
  return {
    supportedFeatures: supported.map(({ name, minVersion, maxVersion }) => ({ name, minVersion, maxVersion })),
    finalizedFeaturesEpoch: 0n,
    finalizedFeatures: finalized.map(({ name, level }) => ({ name, minVersionLevel: level, maxVersionLevel: level })),
  };
}
