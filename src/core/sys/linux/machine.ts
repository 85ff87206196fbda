import { openSync } from "node:fs";
import { hostname } from "node:os";
import type { Machine, PowerAction } from "../machine.js";
import { OpenFlag } from "../open-flags.js";
import { withFdSync } from "./close-fd.js";
import type { Libc } from "./libc.js";

const powerCommands: Readonly<Record<PowerAction, number>> = {
  "power-off": 0x4321fedc,
  restart: 0x01234567,
  halt: 0xcdef0123,
};
const realTimeClock = 0;
const addEntropy = 0x40085203;
const reseedGenerator = 0x5207;

/** `Machine` by the calls a guest's first process makes. */
export class LinuxMachine implements Machine {
  readonly hostname = hostname;
  readonly #libc: Libc;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  reboot(action: PowerAction): void {
    this.#libc.call("int reboot(uint)", powerCommands[action]);
  }

  async sync(): Promise<void> {
    await this.#libc.callAsync("void sync()");
  }

  setHostname(name: string): void {
    this.#libc.call("int sethostname(str, size_t)", name, Buffer.byteLength(name));
  }

  setDomainName(name: string): void {
    this.#libc.call("int setdomainname(str, size_t)", name, Buffer.byteLength(name));
  }

  setTime({ seconds, nanoseconds }: { readonly seconds: number | bigint; readonly nanoseconds: number }): void {
    const time = Buffer.alloc(16);
    time.writeBigInt64LE(BigInt(seconds), 0);
    time.writeBigInt64LE(BigInt(nanoseconds), 8);
    this.#libc.call("int clock_settime(int, void*)", realTimeClock, time);
  }

  swapOn(device: string): void {
    this.#libc.call("int swapon(str, int)", device, 0);
  }

  reseed(bytes: Uint8Array): void {
    // struct rand_pool_info: entropy in bits, bytes, the bytes
    const pool = Buffer.alloc(8 + bytes.length);
    pool.writeInt32LE(bytes.length * 8, 0);
    pool.writeInt32LE(bytes.length, 4);
    pool.set(bytes, 8);
    withFdSync(openSync("/dev/urandom", OpenFlag.write), (fd) => {
      this.#libc.call("int ioctl(int, ulong, void*)", fd, addEntropy, pool);
      this.#libc.call("int ioctl(int, ulong, intptr_t)", fd, reseedGenerator, 0);
    });
  }
}
