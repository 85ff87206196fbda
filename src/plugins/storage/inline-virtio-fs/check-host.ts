import { release } from "node:os";
import type { HostFinding } from "../../../core/plugin/host-check.js";

/** The first kernel that tells which mount a file is on (STATX_MNT_ID). */
const needed = { major: 5, minor: 8 } as const;

/** Whether the kernel tells what the server must know of files. Changes nothing. */
export async function checkHost(): Promise<readonly HostFinding[]> {
  const name = "inline virtio-fs";
  const version = release();
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > needed.major || (major === needed.major && minor >= needed.minor)) {
    return [{ name, state: "ok", detail: `served by the hypervisor; Linux ${version}` }];
  }
  const detail = `Linux ${version} does not tell which mount a file is on`;
  return [
    {
      name,
      state: "missing",
      detail,
      remedy: `a kernel from ${needed.major}.${needed.minor} on, or shared_fs = "virtio-fs"`,
    },
  ];
}
