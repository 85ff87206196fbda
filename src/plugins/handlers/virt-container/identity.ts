import { readFile } from "node:fs/promises";
import { describeError } from "../../../core/errors/error.js";
import type { Logger } from "../../../core/log.js";
import type { CreateTask } from "../../../core/messages/task.js";
import type { OciSpec } from "../../../core/oci/spec.js";
import type { GuestIdentity } from "./boot.js";
import { sharesPidNamespace } from "./guest-spec.js";

/** Bytes of a resolv.conf that are read at most. */
const resolvConfLimit = 64 * 1024;

/** Lines of the resolv.conf that the container gets mounted; none when it has none. */
async function dnsLines(spec: OciSpec, log: Logger): Promise<string[]> {
  const source = spec.mounts?.find((mount) => mount.destination === "/etc/resolv.conf")?.source;
  if (source === undefined) return [];
  try {
    const text = await readFile(source, "utf8");
    return text
      .slice(0, resolvConfLimit)
      .split("\n")
      .filter((line) => line !== "");
  } catch (error) {
    log.warn("the pod's resolv.conf cannot be read; the guest gets none", {
      path: source,
      error: describeError(error),
    });
    return [];
  }
}

/** What the guest is told of the pod, from the spec of its first container. */
export async function guestIdentity(sandboxId: string, request: CreateTask, log: Logger): Promise<GuestIdentity> {
  return {
    sandboxId,
    hostname: request.spec.hostname ?? "",
    dns: await dnsLines(request.spec, log),
    sharedPidNamespace: sharesPidNamespace(request.spec),
  };
}

/** Path of the network namespace that the spec names, if it does. */
export function networkNamespaceOf(spec: OciSpec): string | undefined {
  const path = spec.linux?.namespaces?.find(({ type }) => type === "network")?.path;
  return path === "" ? undefined : path;
}
