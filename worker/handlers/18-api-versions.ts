/**
 * ApiVersions, versions 0–4. What is advertised is what is registered, nothing is listed twice. KIP-511 (client name and version),
 * KIP-584 (features). A version above 4 never comes here: the connection answers it in version 0 with error 35.
 */
import type { Handler } from "../../durable-objects/handler.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { apiVersions } from "../../protocol/messages/18-api-versions.ts";
import { defineHandler } from "./define-handler.ts";

const softwarePattern = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/;

export interface Feature {
  readonly name: string;
  readonly minVersion: number;
  readonly maxVersion: number;
  /** The level in force; undefined: supported, not finalized. */
  readonly finalized?: number;
}

export function apiVersionsHandler(handlers: () => Iterable<Handler>, features: readonly Feature[]): Handler {
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
      return { apiKeys, ...featureFields(features, apiVersion) };
    },
  });
}

function isValidSoftware(name: string, version: string): boolean {
  return softwarePattern.test(name) && softwarePattern.test(version);
}

function featureFields(features: readonly Feature[], apiVersion: number) {
  const supported = features.filter(({ minVersion }) => apiVersion >= 4 || minVersion > 0);
  const finalized = features.filter(({ finalized }) => finalized !== undefined && finalized > 0);
  return {
    supportedFeatures: supported.map(({ name, minVersion, maxVersion }) => ({ name, minVersion, maxVersion })),
    finalizedFeaturesEpoch: 0n,
    finalizedFeatures: finalized.map(({ name, finalized: level = 0 }) => ({
      name,
      minVersionLevel: level,
      maxVersionLevel: level,
    })),
  };
}
