import { RuntimeInfo } from "../../core/proto/gen/containerd/runtime-info.js";
import { version } from "./version.js";

/** What containerd 2.x asks with `-info`: an encoded `containerd.types.RuntimeInfo`. */
export function runtimeInfo(): Uint8Array {
  const info = RuntimeInfo.fromPartial({ name: "io.containerd.kata-ts.v2", version: { version, revision: "" } });
  return RuntimeInfo.encode(info).finish();
}
