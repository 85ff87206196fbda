import { describeError } from "../../../src/core/errors/error.js";
import type { Logger } from "../../../src/core/log.js";
import type { Sys } from "../../../src/core/sys/sys.js";
import { anyCid, hostCid } from "../../../src/core/sys/vsock.js";
import type { PortTransport } from "./guest-port-server.js";

/** Connections over AF_VSOCK. Only the host's are taken: a container shares the guest's network and could dial too. */
export function vsockTransport(sys: Pick<Sys, "vsock">, log: Logger): PortTransport {
  return {
    name: "vsock",
    serve(port, onConnection, stop) {
      const listener = sys.vsock.listen(
        { cid: anyCid, port },
        {
          connection(stream, peer) {
            if (peer.cid === hostCid) return onConnection(stream);
            log.warn("refused a vsock connection that is not the host's", { port, cid: peer.cid });
            stream.destroy();
          },
          error: (error) => log.error("the vsock port is closed", { port, error: describeError(error) }),
        },
      );
      stop?.addEventListener("abort", () => listener.close(), { once: true });
    },
  };
}

/** Whether the machine has a vsock device: then it has a context of its own, neither the host's nor none. */
export function hasVsock(sys: Pick<Sys, "vsock">): boolean {
  try {
    const cid = sys.vsock.localCid();
    return cid > hostCid && cid !== anyCid;
  } catch {
    // no /dev/vsock
    return false;
  }
}
