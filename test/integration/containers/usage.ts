import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import type { ContainerChecks } from "./list.js";

const MiB = 1024 * 1024;

/** What `ctr tasks metrics --format json` prints where the host's cgroups are of version 1, and where they are of version 2. */
interface Printed {
  readonly pids?: { readonly current?: number };
  readonly cpu?: { readonly usage?: { readonly total?: number }; readonly usage_usec?: number };
  readonly memory?: {
    readonly usage?: number | { readonly usage?: number };
    readonly rss?: number;
    readonly anon?: number;
    readonly cache?: number;
    readonly file?: number;
  };
  readonly network?: readonly { readonly name?: string; readonly rx_bytes?: number; readonly tx_packets?: number }[];
}

/** The same in one form: bytes and seconds. */
interface Usage {
  readonly processes: number;
  readonly cpu: number;
  readonly memory: number;
  readonly anonymous: number;
  readonly cache: number;
  readonly network: Printed["network"];
}

/** What a container is said to use, held against what it did. */
export const usage: ContainerChecks = ({ suite, pod, pace }) => {
  async function usageOf(id: string): Promise<Usage> {
    const { stdout } = await suite.containerd.ctr(["tasks", "metrics", "--format", "json", id]);
    const { pids, cpu, memory, network } = JSON.parse(stdout) as Printed;
    const whole = typeof memory?.usage === "object" ? memory.usage.usage : memory?.usage;
    return {
      processes: pids?.current ?? 0,
      cpu: cpu?.usage === undefined ? (cpu?.usage_usec ?? 0) / 1e6 : (cpu.usage.total ?? 0) / 1e9,
      memory: whole ?? 0,
      anonymous: memory?.rss ?? memory?.anon ?? 0,
      cache: memory?.cache ?? memory?.file ?? 0,
      network,
    };
  }

  /** Runs a container of the pod whose shell does this, until `act` is done. */
  async function running(script: string, act: (id: string) => Promise<void>): Promise<void> {
    const id = suite.newId();
    try {
      const { stderr } = await suite.containerd.run(id, ["-d", ...pod.flags], ["sh", "-c", script]);
      expect(stderr).to.equal("");
      await act(id);
    } finally {
      await suite.containerd.remove(id);
    }
  }

  async function until(id: string, reached: (now: Usage) => boolean): Promise<Usage> {
    for (let looks = 0; looks < 300; looks += 1) {
      const now = await usageOf(id);
      if (reached(now)) return now;
      await sleep(50);
    }
    throw new Error(`the usage never came: ${JSON.stringify(await usageOf(id))}`);
  }

  const exec = (id: string, script: string) =>
    suite.containerd.ctr(["tasks", "exec", "--exec-id", "u", id, "sh", "-c", script], { ms: 60_000 * pace });

  it("is its memory, with what is files told apart", async () => {
    // Without a line's end tail keeps all that it is given, and then waits for somebody to read it.
    const keep = "head -c 32m /dev/zero | tail -n 1 | sleep 100000";
    await running(keep, async (id) => {
      const before = await until(id, ({ anonymous }) => anonymous >= 32 * MiB);
      expect(before.anonymous).to.be.lessThan(48 * MiB);
      // Files of the root are not kept in the guest's memory, unless configuration says so; those of this file system are.
      expect((await exec(id, "head -c 16m /dev/zero > /dev/big")).status).to.equal(0);
      const after = await usageOf(id);
      expect(after.cache - before.cache).to.be.within(15 * MiB, 20 * MiB);
      expect(after.memory - after.cache).to.be.within(after.anonymous, after.anonymous + 8 * MiB);
      expect(after.anonymous).to.be.within(32 * MiB, 48 * MiB);
    });
  });

  it("is the time of its processors, by the clocks of its own processes", async () => {
    await running("sleep 100000", async (id) => {
      const before = await usageOf(id);
      const turns = Math.ceil(400_000 / pace);
      const { stdout } = await exec(id, `i=0; while [ $i -lt ${turns} ]; do i=$((i+1)); done; times`);
      const used = (await usageOf(id)).cpu - before.cpu;
      // Two lines, the shell's own and its children's: user and system time as 0m1.23s.
      const times = [...stdout.matchAll(/(\d+)m([\d.]+)s/g)].map(([, m, s]) => Number(m) * 60 + Number(s));
      const told = times.reduce((sum, one) => sum + one, 0);
      expect(told).to.be.greaterThan(0.5);
      expect(used / told).to.be.within(0.95, 1.05 + 0.1 / told);
    });
  });

  it("is its processes, and what they send", async () => {
    await running("for i in 1 2 3 4 5; do sleep 100000 & done; wait", async (id) => {
      const before = await until(id, ({ processes }) => processes === 6);
      expect((await exec(id, "ping -q -c 3 127.0.0.1")).stdout).to.include("3 packets received");
      const after = await usageOf(id);
      expect(after.processes).to.equal(6);
      // Version 2 of the form that containerd 1.6 has knows no network.
      const [old, now] = [before, after].map(({ network }) => network?.find(({ name }) => name === "lo"));
      if (now === undefined) return;
      expect((now.tx_packets ?? 0) - (old?.tx_packets ?? 0)).to.equal(6);
      expect((now.rx_bytes ?? 0) - (old?.rx_bytes ?? 0)).to.equal(6 * 84);
    });
  });
};
