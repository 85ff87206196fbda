import { RuntimeInfo } from "../../core/proto/gen/containerd/runtime-info.js";
import { version } from "./version.js";

/**
 * Mounts that containerd 2.2 and later shall leave to us, and not make on the host: those of its erofs snapshotter. It mounts
 * all others of its own kinds (`mkfs/`, `format/bind`) before we see them. (containerd's core/runtime/v2/task_manager.go.)
 */
const allowedMounts = ["erofs", "format/mkdir/overlay"];

/** What containerd 2.x asks with `-info`: an encoded `containerd.types.RuntimeInfo`. */
export function runtimeInfo(): Uint8Array {
  const info = RuntimeInfo.fromPartial({
    name: "io.containerd.kata-ts.v2",
    version: { version, revision: "" },
    annotations: { "containerd.io/runtime-allow-mounts": allowedMounts.join(",") },
  });
  return RuntimeInfo.encode(info).finish();
}
