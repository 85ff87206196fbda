import type { BusDevice } from "../bus/bus-device.js";
import { type Plain, plainBytes } from "../snapshot/plain.js";
import type { PlainReader } from "../snapshot/plain-reader.js";

/** Registers by their offset; the first two are others while the divisor is being set (PC16550D data sheet, table II). */
const register = {
  data: 0,
  interruptEnable: 1,
  interruptId: 2,
  lineControl: 3,
  modemControl: 4,
  lineStatus: 5,
  modemStatus: 6,
  scratch: 7,
} as const;

const divisorAccess = 0x80;
const loopback = 0x10;
const enable = { received: 0x01, empty: 0x02 } as const;
const identity = { none: 0x01, empty: 0x02, received: 0x04, fifos: 0xc0 } as const;
const status = { dataReady: 0x01, transmitterEmpty: 0x60 } as const;
/** Clear to send, data set ready, carrier: somebody is always there. */
const connected = 0xb0;

/** Bytes of input that wait for the guest at most; more are refused by `receive`. */
const inputLimit = 1024;

/** What a port is connected to. */
export interface SerialLine {
  /** What the guest has sent. */
  send(byte: number): void;
  /** Raises the port's interrupt. */
  raise(): void;
}

/** A serial port of a PC (16550A) that is never busy: its transmitter is empty again as soon as a byte is written. */
export class SerialPort implements BusDevice {
  readonly #line: SerialLine;
  readonly #input: number[] = [];
  #interruptEnable = 0;
  #lineControl = 0x03;
  #modemControl = 0x08;
  #scratch = 0;
  #divisor = 12;
  #fifos = false;
  #emptyPending = false;

  constructor(line: SerialLine) {
    this.#line = line;
  }

  /** Gives the guest input; how many bytes of it were taken. */
  receive(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, inputLimit - this.#input.length);
    for (let index = 0; index < taken; index++) this.#input.push(bytes[index] ?? 0);
    if (taken > 0) this.#announce();
    return taken;
  }

  /** Its registers, and the input that the guest has not read. */
  save(): Plain {
    return {
      input: plainBytes(Uint8Array.from(this.#input)),
      interruptEnable: this.#interruptEnable,
      lineControl: this.#lineControl,
      modemControl: this.#modemControl,
      scratch: this.#scratch,
      divisor: this.#divisor,
      fifos: this.#fifos,
      emptyPending: this.#emptyPending,
    };
  }

  /** Goes on where another one was when it was saved. */
  restore(saved: PlainReader): void {
    const byte = (name: string): number => saved.field(name).number({ most: 0xff });
    this.#input.splice(0, Infinity, ...saved.field("input").bytes({ most: inputLimit }));
    this.#interruptEnable = byte("interruptEnable") & 0x0f;
    this.#lineControl = byte("lineControl");
    this.#modemControl = byte("modemControl") & 0x1f;
    this.#scratch = byte("scratch");
    this.#divisor = saved.field("divisor").number({ most: 0xffff });
    this.#fifos = saved.field("fifos").boolean();
    this.#emptyPending = saved.field("emptyPending").boolean();
    this.#announce();
  }

  read(offset: number, into: Uint8Array): void {
    into.fill(0);
    into[0] = this.#read(offset);
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#write(offset, bytes[0] ?? 0);
  }

  get #setsDivisor(): boolean {
    return (this.#lineControl & divisorAccess) !== 0;
  }

  #read(offset: number): number {
    switch (offset) {
      case register.data:
        if (this.#setsDivisor) return this.#divisor & 0xff;
        return this.#input.shift() ?? 0;
      case register.interruptEnable:
        return this.#setsDivisor ? this.#divisor >> 8 : this.#interruptEnable;
      case register.interruptId:
        return this.#identify() | (this.#fifos ? identity.fifos : 0);
      case register.lineControl:
        return this.#lineControl;
      case register.modemControl:
        return this.#modemControl;
      case register.lineStatus:
        return status.transmitterEmpty | (this.#input.length > 0 ? status.dataReady : 0);
      case register.modemStatus:
        return (this.#modemControl & loopback) === 0 ? connected : loopedStatus(this.#modemControl);
      case register.scratch:
        return this.#scratch;
      default:
        return 0xff;
    }
  }

  #write(offset: number, value: number): void {
    switch (offset) {
      case register.data:
        if (this.#setsDivisor) this.#divisor = (this.#divisor & 0xff00) | value;
        else this.#transmit(value);
        return;
      case register.interruptEnable:
        if (this.#setsDivisor) {
          this.#divisor = (this.#divisor & 0xff) | (value << 8);
          return;
        }
        // Turned on while the transmitter is empty, which it always is, the interrupt comes at once.
        if ((value & ~this.#interruptEnable & enable.empty) !== 0) this.#emptyPending = true;
        this.#interruptEnable = value & 0x0f;
        this.#announce();
        return;
      case register.interruptId:
        this.#fifos = (value & 1) !== 0;
        if ((value & 2) !== 0) this.#input.length = 0;
        return;
      case register.lineControl:
        this.#lineControl = value;
        return;
      case register.modemControl:
        this.#modemControl = value & 0x1f;
        return;
      case register.scratch:
        this.#scratch = value;
    }
  }

  #transmit(byte: number): void {
    if ((this.#modemControl & loopback) !== 0) {
      this.receive(Uint8Array.of(byte));
      return;
    }
    this.#line.send(byte);
    this.#emptyPending = true;
    this.#announce();
  }

  /** Which interrupt is pending, the most urgent first; reading it takes the transmitter's away. */
  #identify(): number {
    if (this.#isReceivedPending()) return identity.received;
    if (!this.#isEmptyPending()) return identity.none;
    this.#emptyPending = false;
    return identity.empty;
  }

  #isReceivedPending(): boolean {
    return (this.#interruptEnable & enable.received) !== 0 && this.#input.length > 0;
  }

  #isEmptyPending(): boolean {
    return (this.#interruptEnable & enable.empty) !== 0 && this.#emptyPending;
  }

  #announce(): void {
    if (this.#isReceivedPending() || this.#isEmptyPending()) this.#line.raise();
  }
}

/** What modem status shows when the port's outputs are connected with its inputs, by which drivers know a real one. */
function loopedStatus(control: number): number {
  const [dtr, rts, out1, out2] = [control & 1, control & 2, control & 4, control & 8];
  return (rts !== 0 ? 0x10 : 0) | (dtr !== 0 ? 0x20 : 0) | (out1 !== 0 ? 0x40 : 0) | (out2 !== 0 ? 0x80 : 0);
}
