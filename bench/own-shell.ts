import { readFileSync } from "node:fs";
import { PassThrough, Writable } from "node:stream";
import { createLinuxSys, MicroVm } from "../src/vmm/index.js";
import { type Shell, TypedShell } from "./shell.js";
import { shellGuest, shellReady } from "./shell-guest.js";

/** What the machine has. */
export interface OwnMachine {
  readonly memoryMiB: number;
  /** A raw file that is the guest's /dev/vdb, which it only reads. */
  readonly disk: string;
}

const file = (name: string) => ({ name, bytes: readFileSync(name) });

/** A machine in this process: what `BareShell` boots in a QEMU, a shell on its console and no agent. */
export class OwnShell implements Shell {
  readonly #machine: MicroVm;
  readonly #shell: TypedShell;

  private constructor({ memoryMiB, disk }: OwnMachine) {
    const { image, commandLine } = shellGuest();
    const screen = new PassThrough();
    this.#machine = new MicroVm(createLinuxSys(), {
      vcpus: 1,
      memoryMiB,
      kernel: file(image.vmlinuz),
      initrd: file(image.initrd),
      commandLine,
      devices: [
        { kind: "disk", id: "image", path: image.image, readOnly: true },
        { kind: "disk", id: "disk", path: disk, readOnly: true },
      ],
      onConsole: (bytes) => void screen.write(bytes),
    });
    const type = (bytes: Uint8Array, _: unknown, done: () => void): void => {
      this.#machine.input(bytes);
      done();
    };
    this.#shell = new TypedShell(new Writable({ write: type }), screen);
  }

  static async boot(options: OwnMachine): Promise<OwnShell> {
    const shell = new OwnShell(options);
    try {
      await shell.#machine.start();
      await shellReady(shell.#shell);
      return shell;
    } catch (error) {
      await shell.close();
      throw error;
    }
  }

  run(script: string): Promise<string> {
    return this.#shell.run(script);
  }

  close(): Promise<void> {
    return this.#machine.stop();
  }
}
