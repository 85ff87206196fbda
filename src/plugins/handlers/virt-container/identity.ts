import { describeError } from "../../../core/errors/error.js";
import type { Logger } from "../../../core/log.js";
import type { CreateTask } from "../../../core/messages/task.js";
import type { OciSpec } from "../../../core/oci/spec.js";
import { readRegularFile } from "../../../core/regular-file.js";
import type { GuestIdentity } from "./boot.js";
import { sharesPidNamespace } from "./guest-spec.js";

/** Bytes of a resolv.conf that are read at most. */
const resolvConfLimit = 64 * 1024;

/**
 * Lines of the resolv.conf that the container gets mounted; none when it has none. It may lie in a volume: a link, which the
 * mount does not follow either, would have the guest told of any file of the host.
 */
function dnsLines(spec: OciSpec, log: Logger): string[] {
  const source = spec.mounts?.find((mount) => mount.destination === "/etc/resolv.conf")?.source;
  if (source === undefined) return [];
  try {
    const { bytes } = readRegularFile(source, { most: resolvConfLimit, follow: false });
    return bytes
      .toString("utf8")
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
export function guestIdentity(sandboxId: string, request: CreateTask, log: Logger): GuestIdentity {
  return {
    sandboxId,
    hostname: request.spec.hostname ?? "",
    dns: dnsLines(request.spec, log),
    sharedPidNamespace: sharesPidNamespace(request.spec),
  };
}

/** Path of the network namespace that the spec names, if it does. */
export function networkNamespaceOf(spec: OciSpec): string | undefined {
  const path = spec.linux?.namespaces?.find(({ type }) => type === "network")?.path;
  return path === "" ? undefined : path;
}
