import type { BusDevice } from "../bus/bus-device.js";

/** How a guest asked for its machine to end. */
export type PowerRequest = "reset" | "power off";

/** Command of the keyboard controller that pulls the processor's reset line, and its ports by their offset. */
const pulseReset = 0xfe;
const keyboard = { data: 0, command: 4 } as const;

/** The keyboard controller of a PC, as far as kernels use it to restart: there is no keyboard. */
export class KeyboardReset implements BusDevice {
  readonly #ask: (request: PowerRequest) => void;

  constructor(ask: (request: PowerRequest) => void) {
    this.#ask = ask;
  }

  read(_offset: number, into: Uint8Array): void {
    // Its input buffer is empty, so that whoever writes a command need not wait.
    into.fill(0);
  }

  write(offset: number, bytes: Uint8Array): void {
    if (offset === keyboard.command && bytes[0] === pulseReset) this.#ask("reset");
  }
}

/** A register, one byte, that ACPI's tables name: a value written there ends the machine. */
export class PowerRegister implements BusDevice {
  readonly #values: ReadonlyMap<number, PowerRequest>;
  readonly #ask: (request: PowerRequest) => void;

  constructor(values: ReadonlyMap<number, PowerRequest>, ask: (request: PowerRequest) => void) {
    this.#values = values;
    this.#ask = ask;
  }

  read(_offset: number, into: Uint8Array): void {
    into.fill(0);
  }

  write(_offset: number, bytes: Uint8Array): void {
    const request = this.#values.get(bytes[0] ?? 0);
    if (request !== undefined) this.#ask(request);
  }
}
