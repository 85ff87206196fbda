import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { withDeadline } from "../../src/core/deadline.js";
import { findExecutable } from "../../src/core/process/find-executable.js";

/** Why there is no testpmd here; undefined when there is one. */
export const noTestpmd = (): string | undefined =>
  findExecutable("dpdk-testpmd") === undefined ? "dpdk-testpmd is not installed (dpdk-dev)" : undefined;

/** What a testpmd is started with. */
export interface TestpmdParts {
  /** Unique, shown in its command line, and the beginning of its files' names. */
  readonly name: string;
  /** Path of the network namespace it runs in. */
  readonly namespace: string;
  /** The link there whose frames it takes. */
  readonly link: string;
  /** Where its socket and its files are made. */
  readonly directory: string;
  /** Of the card; 1 when absent. */
  readonly queuePairs?: number;
}

/** Bit of a listening socket in /proc/net/unix: `__SO_ACCEPTCON` of the kernel. */
const listening = 0x10000;

/**
 * DPDK's testpmd as a small switch: it serves a card by vhost-user and passes frames between that and a
 * link, in both directions. It polls, so it takes what nobody else wants of a processor.
 */
export class Testpmd {
  readonly socket: string;
  readonly #child: ChildProcess;
  #said = "";

  private constructor({ name, namespace, link, directory, queuePairs = 1 }: TestpmdParts) {
    this.socket = join(directory, `${name}.sock`);
    const files = join(directory, name);
    mkdirSync(files);
    const cpus = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? "0";
    const program = ["nice", "-n", "19", "dpdk-testpmd"];
    const environment = ["--no-huge", "-m", "128", "--no-pci", "--no-shconf", "--no-telemetry"];
    const switching = ["--auto-start", "--forward-mode=io", "--total-num-mbufs=4096", "--disable-link-check"];
    const args = [
      `--net=${namespace}`,
      ...program,
      ...environment,
      `--file-prefix=${name}`,
      `--lcores=0@(${cpus}),1@(${cpus})`,
      `--vdev=net_vhost0,iface=${this.socket},queues=${queuePairs}`,
      `--vdev=net_af_packet0,iface=${link},qpairs=${queuePairs}`,
      "--",
      "--no-mlockall",
      `--rxq=${queuePairs}`,
      `--txq=${queuePairs}`,
      ...switching,
    ];
    const env = { ...process.env, RUNTIME_DIRECTORY: files };
    // It ends by itself when its input does, so also with this process.
    this.#child = spawn("nsenter", args, { stdio: ["pipe", "pipe", "pipe"], env });
    const note = (text: string) => void (this.#said = (this.#said + text).slice(-64_000));
    this.#child.stdout?.setEncoding("utf8").on("data", note);
    this.#child.stderr?.setEncoding("utf8").on("data", note);
    this.#child.on("error", (error) => note(String(error)));
  }

  /** Starts one and waits until its socket takes connections. */
  static async start(parts: TestpmdParts): Promise<Testpmd> {
    const one = new Testpmd(parts);
    for (let looks = 0; looks < 1200; looks++) {
      if (one.#ended) break;
      if (one.#listens()) return one;
      await sleep(50);
    }
    await one.close();
    throw new Error(`dpdk-testpmd does not listen on ${one.socket}:\n${one.#said.slice(-2000)}`);
  }

  /** Waits until what it has written fits. */
  async says(pattern: RegExp): Promise<void> {
    const context = () => this.#said.slice(-1000);
    await withDeadline({ ms: 60_000, what: `${pattern} from dpdk-testpmd`, context }, async (signal) => {
      while (!pattern.test(this.#said)) {
        signal.throwIfAborted();
        await sleep(20);
      }
    });
  }

  /** Ends it, at first in good order. */
  async close(): Promise<void> {
    if (this.#ended) return;
    const ended = once(this.#child, "close");
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(timer);
  }

  get #ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #listens(): boolean {
    // Each network namespace has a list of its own.
    const lines = readFileSync(`/proc/${this.#child.pid}/net/unix`, "utf8").split("\n");
    const line = lines.find((one) => one.endsWith(` ${this.socket}`));
    return (Number.parseInt(line?.split(/\s+/)[3] ?? "0", 16) & listening) !== 0;
  }
}
