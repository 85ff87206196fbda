import type { Duplex } from "node:stream";
import { constants } from "node:os";
import { describeError } from "../../../src/core/errors/error.js";
import type { Logger } from "../../../src/core/log.js";
import { errnoNameOf } from "../../../src/core/sys/sys-error.js";
import {
  decodeRequest,
  encodeGreeting,
  encodeReply,
  messageBytes,
  type UpcallReply,
  type UpcallRequest,
  upcallService,
} from "../../../src/core/upcall/message.js";
import { readExactly } from "../../../src/core/upcall/read-exactly.js";
import type { AgentRoots } from "../roots.js";
import { leaveDevice, type SlotTools, takeDevice } from "./mmio-slots.js";
import { setProcessors } from "./processors.js";

/** What the host's requests are done with. */
export interface UpcallTools extends SlotTools {
  readonly roots: AgentRoots;
  readonly log: Logger;
}

/**
 * Serves the machine on the stream of one connection: what a kernel with Dragonball's patches does itself, done from outside
 * of it by sysfs. One request after the other; ends with the stream, or at the first message that is none.
 */
export async function serveUpcall(tools: UpcallTools, stream: Duplex): Promise<void> {
  const { log } = tools;
  stream.on("error", (error) => log.debug("a connection about plugging broke", { error: describeError(error) }));
  try {
    const service = await readExactly(stream, 1);
    if (service?.[0] !== upcallService) return;
    stream.write(encodeGreeting());
    for (let bytes = await readExactly(stream, messageBytes); bytes !== undefined; ) {
      const request = decodeRequest(bytes);
      stream.write(encodeReply(request.kind, await answer(tools, request)));
      bytes = await readExactly(stream, messageBytes);
    }
  } catch (error) {
    log.warn("the host's requests about plugging end", { error: describeError(error) });
  } finally {
    stream.destroy();
  }
}

async function answer(tools: UpcallTools, request: UpcallRequest): Promise<UpcallReply> {
  let processors = 0;
  try {
    switch (request.kind) {
      case "addMmio": {
        const disk = await takeDevice(tools, request);
        return { result: 0, ...(disk !== undefined && { disk }) };
      }
      case "delMmio":
        await leaveDevice(tools, request);
        return { result: 0 };
      case "addCpu":
      case "delCpu":
        await setProcessors(tools.roots, { ids: request.ids, online: request.kind === "addCpu" }, () => processors++);
        return { result: 0, processors };
    }
  } catch (error) {
    tools.log.warn("what was plugged is not taken", { ...request, error: describeError(error) });
    return { result: -errnoOf(error), processors };
  }
}

/** The number of the kernel's error; of one of ours, which all say that something is not there, that of ENODEV. */
function errnoOf(error: unknown): number {
  const name = errnoNameOf(error) ?? "ENODEV";
  return (constants.errno as Readonly<Record<string, number>>)[name] ?? constants.errno.EIO;
}
