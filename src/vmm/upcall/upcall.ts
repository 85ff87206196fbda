import { setTimeout as pause } from "node:timers/promises";
import { getSystemErrorName } from "node:util";
import { withDeadline } from "../../core/deadline.js";
import { codeOf, messageOf } from "../../core/errors/error.js";
import type { Sys } from "../../core/sys/sys.js";
import { upcallErrors } from "../../core/upcall/errors.js";
import { type UpcallReply, type UpcallRequest, upcallPort } from "../../core/upcall/message.js";
import { dialUntil } from "../../core/vsock/dial-until.js";
import type { VirtioDevicePlace } from "../boot/command-line.js";
import type { GuestDevice, GuestSide } from "../hotplug/guest-side.js";
import { Turnstile } from "../../core/turnstile.js";
import { UpcallConnection } from "./upcall-connection.js";

/** Milliseconds between two attempts to reach the guest's service. */
const pauseMs = 10;

/** How a guest is told. */
export interface UpcallOptions {
  readonly sys: Pick<Sys, "vsock">;
  /** The machine's own Unix socket of its hybrid vsock. */
  readonly path: string;
  /** Milliseconds in which the guest is reached, and in which it answers, each. */
  readonly ms: number;
}

/**
 * Tells the guest what was plugged in and out, at the port of its upcall service: the kernel's of a guest with Dragonball's
 * patches, the agent's of any other. One request is under way, the others wait for their turn. The connection is made when
 * it is needed, and kept; one that broke, or whose answer is overdue, is made anew for the next request.
 */
export class Upcall implements GuestSide {
  readonly #options: UpcallOptions;
  readonly #turns = new Turnstile();
  readonly #closed = new AbortController();
  #connection: UpcallConnection | undefined;

  constructor(options: UpcallOptions) {
    this.#options = options;
  }

  async addDevice({ address, size, line }: VirtioDevicePlace): Promise<GuestDevice> {
    const what = `take the device at 0x${address.toString(16)}`;
    const { disk } = await this.#ask({ kind: "addMmio", address, size, line }, what);
    return disk === undefined ? {} : { disk };
  }

  async removeDevice({ address, size, line }: VirtioDevicePlace): Promise<void> {
    const what = `let go of the device at 0x${address.toString(16)}`;
    await this.#ask({ kind: "delMmio", address, size, line }, what);
  }

  async addProcessors(ids: readonly number[]): Promise<void> {
    await this.#ask({ kind: "addCpu", ids }, `take the processors ${ids.join(", ")} into use`);
  }

  async removeProcessors(ids: readonly number[]): Promise<void> {
    await this.#ask({ kind: "delCpu", ids }, `take the processors ${ids.join(", ")} out of use`);
  }

  /** Ends what is under way with `KATA_UPCALL_CLOSED`. Idempotent. */
  close(): void {
    this.#closed.abort();
    this.#connection?.close();
  }

  #ask(request: UpcallRequest, what: string): Promise<UpcallReply> {
    return this.#turns.pass(async () => {
      try {
        return await this.#converse(request, what);
      } catch (error) {
        throw this.#closed.signal.aborted ? upcallErrors.KATA_UPCALL_CLOSED({ what }, { cause: error }) : error;
      }
    });
  }

  async #converse(request: UpcallRequest, what: string): Promise<UpcallReply> {
    const connection = await this.#within(what, "nobody answers there", (signal) => this.#connect(signal));
    const answer = await this.#within(what, "it has not answered yet", (signal) => {
      signal.addEventListener("abort", () => connection.close(), { once: true });
      return connection.ask(request);
    });
    if (answer === undefined) throw upcallErrors.KATA_UPCALL_LOST({ what });
    if (answer.result !== 0) throw upcallErrors.KATA_UPCALL_REFUSED({ what, reason: reasonOf(answer.result) });
    return answer;
  }

  /** The connection there is, or a new one: tried until `signal` aborts. */
  async #connect(signal: AbortSignal): Promise<UpcallConnection> {
    while (this.#connection?.isOpen !== true) {
      const { sys, path } = this.#options;
      const either = AbortSignal.any([signal, this.#closed.signal]);
      const address = { kind: "hybrid-vsock", path } as const;
      const stream = await dialUntil(sys, { address, port: upcallPort, pauseMs, signal: either });
      const hangUp = (): void => void stream.destroy();
      either.addEventListener("abort", hangUp, { once: true });
      this.#connection = await UpcallConnection.open(stream);
      either.removeEventListener("abort", hangUp);
      either.throwIfAborted();
      if (this.#connection === undefined) await pause(pauseMs);
    }
    return this.#connection;
  }

  async #within<T>(what: string, why: string, wait: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { ms } = this.#options;
    try {
      return await withDeadline({ ms, what: "the guest" }, wait);
    } catch (error) {
      if (codeOf(error) !== "KATA_DEADLINE") throw error;
      throw upcallErrors.KATA_UPCALL_SILENT({ what, ms, why }, { cause: error });
    }
  }
}

/** The name of Linux's error, which a guest may have made up. */
function reasonOf(result: number): string {
  if (result > 0) return `result ${result}`;
  try {
    return getSystemErrorName(result);
  } catch (error) {
    return `result ${result} (${messageOf(error)})`;
  }
}
