import type { GuestDetails } from "../../../core/contracts/agent.js";
import type { GuestDetailsResponse } from "../../../core/proto/gen/kata/agent.js";

/** Words the guest says of itself that are kept, and characters of each. */
const wordLimit = 64;
const lengthLimit = 128;

const words = (list: readonly string[]): string[] => list.slice(0, wordLimit).map((word) => word.slice(0, lengthLimit));

/** What the guest says of itself, shortened where it says too much; `features` are the agent's `extra_features`. */
export function toGuestDetails(
  response: GuestDetailsResponse,
): GuestDetails & { readonly features: readonly string[] } {
  const { agentDetails: details, memBlockSizeBytes: memoryBlockSize } = response;
  return {
    agentVersion: (details?.version ?? "").slice(0, lengthLimit),
    storageHandlers: words(details?.storageHandlers ?? []),
    deviceHandlers: words(details?.deviceHandlers ?? []),
    supportsSeccomp: details?.supportsSeccomp ?? false,
    memoryBlockSize,
    features: words(details?.extraFeatures ?? []),
  };
}
