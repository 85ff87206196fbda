import { errnoNameOf } from "../../../src/core/sys/sys-error.js";
import { upcallPort } from "../../../src/core/upcall/message.js";
import type { PortTransport } from "../ports/guest-port-server.js";
import { serveUpcall, type UpcallTools } from "./serve-upcall.js";

/**
 * Serves the machine at the port where it tells of what it plugs in and out, over vsock. In a kernel with Dragonball's patches
 * somebody is there already, and does it better.
 */
export function servePlugging(tools: UpcallTools, transports: readonly PortTransport[]): void {
  try {
    for (const transport of transports.filter(({ name }) => name === "vsock"))
      transport.serve(upcallPort, (stream) => void serveUpcall(tools, stream));
  } catch (error) {
    if (errnoNameOf(error) !== "EADDRINUSE") throw error;
    tools.log.info("the kernel itself takes what is plugged in", { port: upcallPort });
  }
}
