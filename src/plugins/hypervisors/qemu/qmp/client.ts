import { once } from "node:events";
import type { Duplex } from "node:stream";
import { withDeadline } from "../../../../core/deadline.js";
import { JsonLineDecoder } from "./line-decoder.js";
import { qmpErrors } from "./errors.js";
import { parseQmpMessage, type QmpAnswer, type QmpEvent, type QmpMessage } from "./messages.js";

/** How long a command may take, in milliseconds, unless it says otherwise. */
export const commandDeadline = 10_000;

/** How long QEMU may take to set up its machine and greet. Preallocating much memory is part of it. */
export const greetingDeadline = 60_000;

/** A wait for an event; see `QmpClient.expectEvent`. */
export interface ExpectedEvent {
  /** The event, or `KATA_DEADLINE`, or `KATA_QMP_LOST`. */
  within(ms: number): Promise<QmpEvent>;
  /** Stops looking for it. */
  forget(): void;
}

interface Pending {
  readonly command: string;
  readonly settle: (answer: QmpAnswer) => void;
  readonly fail: (error: Error) => void;
}

/**
 * A client of QEMU's machine protocol (QMP, `docs/interop/qmp-spec.txt` of QEMU). Commands are answered by id, so several
 * may be under way. The peer is QEMU, which a guest may have taken over: its lines are checked and bounded, and whatever is
 * not QMP ends the connection.
 */
export class QmpClient {
  readonly #stream: Duplex;
  readonly #onEvent: (event: QmpEvent) => void;
  readonly #sendDescriptor: ((bytes: Uint8Array, fd: number) => void) | undefined;
  readonly #pending = new Map<number, Pending>();
  readonly #expected = new Set<(event: QmpEvent | undefined) => void>();
  readonly #greeting: Promise<string>;
  #greeted: (version: string) => void = () => undefined;
  #lastId = 0;
  #ended: { readonly cause: unknown } | undefined;

  /**
   * Takes the stream. `onEvent` is told every event of the machine. `sendDescriptor` writes to the same connection at once,
   * with a descriptor beside the bytes; without it `giveDescriptor` cannot be used.
   */
  constructor(
    stream: Duplex,
    onEvent: (event: QmpEvent) => void = () => undefined,
    sendDescriptor?: (bytes: Uint8Array, fd: number) => void,
  ) {
    this.#stream = stream;
    this.#onEvent = onEvent;
    this.#sendDescriptor = sendDescriptor;
    this.#greeting = new Promise((resolve) => {
      this.#greeted = resolve;
    });
    const decoder = new JsonLineDecoder();
    stream.on("data", (chunk: Buffer) => {
      if (this.#ended !== undefined) return;
      try {
        for (const value of decoder.push(chunk)) this.#take(value);
      } catch (error) {
        this.#end(error);
      }
    });
    stream.on("error", (error) => this.#end(error));
    stream.on("close", () => this.#end(undefined));
    stream.on("end", () => this.#end(undefined));
  }

  /** Waits for QEMU's greeting, which may come before its machine is made, and begins; answers QEMU's version. */
  async negotiate(ms: number = greetingDeadline): Promise<string> {
    const lost = new Promise<never>((_, reject) => {
      // An id that no command has: it is settled only by the end of the connection.
      this.#pending.set(0, { command: "greeting", settle: () => undefined, fail: reject });
      if (this.#ended !== undefined) reject(this.#lost("greeting"));
    });
    try {
      const version = await withDeadline({ ms, what: "the greeting of QEMU's monitor" }, () =>
        Promise.race([this.#greeting, lost]),
      );
      await this.execute("qmp_capabilities", undefined, ms);
      return version;
    } finally {
      this.#pending.delete(0);
    }
  }

  /** What a command returns, unchecked; `KATA_QMP_REFUSED` in QEMU's words when it does not do it, `KATA_QMP_NO_DEVICE` for a device it has not. */
  async execute(command: string, args?: Readonly<Record<string, unknown>>, ms = commandDeadline): Promise<unknown> {
    return this.#execute(command, args, ms, (line) => void this.#stream.write(line));
  }

  /** Gives QEMU a copy of a descriptor, by which later commands name it; `closefd` takes it back if none has used it. */
  async giveDescriptor(name: string, fd: number): Promise<void> {
    const send = this.#sendDescriptor;
    if (send === undefined) throw new Error("this connection to QEMU's monitor carries no descriptors");
    // What the stream still holds would come after the line that is sent past it, in the middle of another.
    if (this.#stream.writableLength > 0) await once(this.#stream, "drain");
    await this.#execute("getfd", { fdname: name }, commandDeadline, (line) => send(Buffer.from(line), fd));
  }

  async #execute(
    command: string,
    args: Readonly<Record<string, unknown>> | undefined,
    ms: number,
    send: (line: string) => void,
  ): Promise<unknown> {
    if (this.#ended !== undefined) throw this.#lost(command);
    const id = ++this.#lastId;
    const answered = new Promise<QmpAnswer>((settle, fail) => {
      this.#pending.set(id, { command, settle, fail });
    });
    try {
      const line = JSON.stringify({ execute: command, ...(args && { arguments: args }), id });
      send(`${line}\n`);
      const { result } = await withDeadline({ ms, what: `QEMU to answer "${command}"` }, () => answered);
      if ("value" in result) return result.value;
      const { kind, description } = result.error;
      if (kind === "DeviceNotFound") throw qmpErrors.KATA_QMP_NO_DEVICE({ command, description });
      throw qmpErrors.KATA_QMP_REFUSED({ command, kind, description });
    } finally {
      this.#pending.delete(id);
    }
  }

  /** Looks for an event from now on: ask before the command that causes it, and wait, or forget it, after. */
  expectEvent(name: string, matches: (data: QmpEvent["data"]) => boolean = () => true): ExpectedEvent {
    let look: (event: QmpEvent | undefined) => void = () => undefined;
    const came = new Promise<QmpEvent>((resolve, reject) => {
      look = (event) => {
        if (event === undefined) reject(this.#lost(`wait for ${name}`));
        else if (event.name === name && matches(event.data)) resolve(event);
      };
    });
    // Whoever never waits must not be told by way of an unhandled rejection.
    came.catch(() => undefined);
    this.#expected.add(look);
    if (this.#ended !== undefined) look(undefined);
    const forget = () => void this.#expected.delete(look);
    return {
      forget,
      within: (ms) => withDeadline({ ms, what: `QEMU's event ${name}` }, () => came).finally(forget),
    };
  }

  /** Ends the connection; commands under way fail with `KATA_QMP_LOST`. Idempotent. */
  close(): void {
    this.#end(undefined);
  }

  #take(value: unknown): void {
    const message: QmpMessage | undefined = parseQmpMessage(value);
    if (message === undefined) {
      const start = JSON.stringify(value).slice(0, 200);
      throw qmpErrors.KATA_QMP_GARBAGE({ problem: "neither greeting, answer nor event", start });
    }
    if (message.kind === "greeting") this.#greeted(message.version);
    else if (message.kind === "answer") this.#answer(message);
    else {
      for (const look of this.#expected) look(message);
      this.#onEvent(message);
    }
  }

  #answer(answer: QmpAnswer): void {
    // Without an id QEMU speaks of a line it could not read: the only one under way, or nobody's.
    const id = answer.id ?? [...this.#pending.keys()].at(-1);
    if (id !== undefined) this.#pending.get(id)?.settle(answer);
  }

  #lost(command: string): Error {
    return qmpErrors.KATA_QMP_LOST({ command }, { cause: this.#ended?.cause });
  }

  #end(cause: unknown): void {
    if (this.#ended !== undefined) return;
    this.#ended = { cause };
    this.#stream.destroy();
    for (const { command, fail } of this.#pending.values()) fail(this.#lost(command));
    for (const look of this.#expected) look(undefined);
  }
}
