/**
 * DescribeCluster, versions 0–2. The brokers of the client's zone, as in Metadata. KIP-700; KIP-919 (endpoint types: only brokers can
 * be asked here); KIP-1073 (fenced brokers: there are none).
 */
import { errorCodes } from "../../protocol/errors.ts";
import { describeCluster } from "../../protocol/messages/60-describe-cluster.ts";
import { defineHandler } from "./define-handler.ts";
import { clusterOperations, controllerId, endpointsOf } from "./nodes.ts";
import { controllerUnreachable } from "./unreachable.ts";

const brokerEndpoint = 1;
const controllerEndpoint = 2;

export const describeClusterHandler = defineHandler({
  api: describeCluster,
  versions: [0, 2],
  async handle(request, context) {
    const { endpointType } = request;
    if (endpointType === controllerEndpoint) {
      const errorMessage = "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER";
      return { errorCode: errorCodes.MISMATCHED_ENDPOINT_TYPE, errorMessage, endpointType: brokerEndpoint, clusterId: "" };
    }
    if (endpointType !== brokerEndpoint) {
      const errorMessage = `Unsupported endpoint type ${endpointType}`;
      return { errorCode: errorCodes.UNSUPPORTED_ENDPOINT_TYPE, errorMessage, endpointType: brokerEndpoint, clusterId: "" };
    }
    const { catalog } = context.services;
    if (catalog.clusterId === "") await catalog.all();
    return {
      endpointType: brokerEndpoint,
      clusterId: catalog.clusterId,
      controllerId: controllerId(context),
      brokers: endpointsOf(context).map(({ nodeId, ...endpoint }) => ({ brokerId: nodeId, ...endpoint })),
      clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? clusterOperations : undefined,
    };
  },
  unreachable: () => ({ ...controllerUnreachable, clusterId: "" }),
});
