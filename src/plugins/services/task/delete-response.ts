import type { DeletedProcess } from "../../../core/messages/task.js";

/** What a shim's `delete` prints for containerd: an encoded `DeleteResponse` of `containerd.task.v2`. */
export async function encodeDeleteResponse({ pid, exit }: DeletedProcess): Promise<Uint8Array> {
  // Seldom needed, and not small.
  const [{ DeleteResponse }, { toTimestamp }] = await Promise.all([
    import("../../../core/proto/gen/containerd/task.js"),
    import("./conversions.js"),
  ]);
  const exitedAt = toTimestamp(exit.exitedAt);
  return DeleteResponse.encode({ pid, exitStatus: exit.status, exitedAt }).finish();
}
