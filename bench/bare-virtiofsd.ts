import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { withDeadline } from "../src/core/deadline.js";
import { NotMeasured } from "./row.js";

/** Where Debian 12 has it. */
const program = "/usr/lib/qemu/virtiofsd";
const startMs = 10_000;

/** A virtiofsd that was started by hand. */
export class BareVirtiofsd {
  readonly #directory: string;
  readonly #daemon: ChildProcess;

  private constructor(directory: string, daemon: ChildProcess) {
    this.#directory = directory;
    this.#daemon = daemon;
  }

  static async start(shared: string): Promise<BareVirtiofsd> {
    if (!existsSync(program)) throw new NotMeasured(`there is no ${program}`);
    const directory = mkdtempSync(join(tmpdir(), "kata-bench-virtiofsd-"));
    const words = `--socket-path=${directory}/socket -o source=${shared} -o sandbox=namespace -o cache=auto`;
    const one = new BareVirtiofsd(directory, spawn(program, words.split(" "), { stdio: "ignore" }));
    try {
      await withDeadline({ ms: startMs, what: "the socket of virtiofsd" }, async (signal) => {
        while (!existsSync(one.socket)) await sleep(10, undefined, { signal });
      });
      return one;
    } catch (error) {
      await one.close();
      throw error;
    }
  }

  get socket(): string {
    return join(this.#directory, "socket");
  }

  /** It ends with the machine that it served, and is waited for. */
  async close(): Promise<void> {
    if (this.#daemon.exitCode === null && this.#daemon.signalCode === null) {
      this.#daemon.kill("SIGTERM");
      await once(this.#daemon, "exit");
    }
    rmSync(this.#directory, { recursive: true });
  }
}
