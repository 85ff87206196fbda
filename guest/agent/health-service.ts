import { HealthCheckResponse_ServingStatus, type HealthDefinition } from "../../src/core/proto/gen/kata/health.js";
import type { Implementation } from "../../src/core/rpc/definition.js";
import { agentVersion, protocolVersion } from "./version.js";

/** `grpc.Health`: an agent that answers serves. */
export const healthService: Implementation<typeof HealthDefinition> = {
  check: () => ({ status: HealthCheckResponse_ServingStatus.SERVING }),
  version: () => ({ grpcVersion: protocolVersion, agentVersion }),
};
