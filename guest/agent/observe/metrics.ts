import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { AgentRoots } from "../roots.js";
import { parseFlatKeyed, parseNetDev } from "./cgroup-stats.js";

type Labels = Readonly<Record<string, string>>;

/** Clock ticks of a second, as /proc counts them. */
const ticksPerSecond = 100;

/** Metrics in Prometheus' text form. */
class MetricsText {
  readonly #lines: string[] = [];

  /** One family and its samples, each with its labels. */
  gauge(name: string, help: string, samples: readonly (readonly [Labels, bigint | number])[]): void {
    if (samples.length === 0) return;
    this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} gauge`);
    for (const [labels, value] of samples) {
      const text = Object.entries(labels).map(([label, word]) => `${label}=${JSON.stringify(word)}`);
      this.#lines.push(`${name}${text.length === 0 ? "" : `{${text.join(",")}}`} ${value}`);
    }
  }

  toString(): string {
    return `${this.#lines.join("\n")}\n`;
  }
}

const items = (values: Readonly<Record<string, bigint | number>>): [Labels, bigint | number][] =>
  Object.entries(values).map(([item, value]) => [{ item }, value]);

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "latin1");
  } catch {
    return "";
  }
}

/** `Name:  number kB`, in bytes. */
function parseMeminfo(text: string): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [, name = "", value = ""] of text.matchAll(/^([\w()]+):\s+(\d+)(?: kB)?$/gm)) {
    found[name.toLowerCase().replace(/[()]/g, "_").replace(/_$/, "")] = Number(value) * 1024;
  }
  return found;
}

const cpuItems = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice"];

function cpuTimes(text: string): [Labels, number][] {
  return text
    .split("\n")
    .filter((line) => /^cpu\d* /.test(line))
    .flatMap((line) => {
      const [cpu = "", ...values] = line.trim().split(/\s+/);
      return values.slice(0, cpuItems.length).map((value, index): [Labels, number] => {
        return [{ cpu: cpu === "cpu" ? "total" : cpu.slice(3), item: cpuItems[index] ?? "" }, Number(value)];
      });
    });
}

/** What the agent and its guest use, in the families Kata's agent has (`kata_agent_*`, `kata_guest_*`). */
export async function agentMetrics(roots: AgentRoots, scrapes: number): Promise<string> {
  const files = ["loadavg", "meminfo", "stat", "vmstat", "net/dev", "self/stat", "self/io"];
  const texts = await Promise.all(files.map((file) => read(join(roots.proc, file))));
  const [loadavg = "", meminfo = "", stat = "", vmstat = "", netDev = "", selfStat = "", selfIo = ""] = texts;
  const metrics = new MetricsText();
  const [one, five, fifteen, tasks = ""] = loadavg.trim().split(/\s+/);
  const [running, all] = tasks.split("/");
  const load = { load1: Number(one), load5: Number(five), load15: Number(fifteen) };
  // After the name, which is in parentheses and may hold anything: fields 3 and on of proc(5).
  const self = selfStat.slice(selfStat.lastIndexOf(")") + 2).split(" ");
  const field = (number: number): number => Number(self[number - 3] ?? 0);
  metrics.gauge("kata_agent_scrape_count", "Times the metrics were asked for", [[{}, scrapes]]);
  const cpuSeconds = (field(14) + field(15)) / ticksPerSecond;
  metrics.gauge("kata_agent_total_time", "Processor time of the agent in seconds", [[{}, cpuSeconds]]);
  metrics.gauge("kata_agent_threads", "Threads of the agent", [[{}, field(20)]]);
  metrics.gauge("kata_agent_total_vm", "Virtual memory of the agent in bytes", [[{}, field(23)]]);
  metrics.gauge("kata_agent_total_rss", "Resident memory of the agent in bytes", [[{}, process.memoryUsage.rss()]]);
  const ioStat = parseFlatKeyed(selfIo.replaceAll(":", ""));
  metrics.gauge("kata_agent_io_stat", "Input and output of the agent", items(ioStat));
  metrics.gauge("kata_guest_load", "Load of the guest", items(load));
  metrics.gauge("kata_guest_tasks", "Tasks of the guest", items({ cur: Number(running), max: Number(all) }));
  metrics.gauge("kata_guest_meminfo", "Memory of the guest in bytes", items(parseMeminfo(meminfo)));
  metrics.gauge("kata_guest_cpu_time", "Processor time of the guest in ticks", cpuTimes(stat));
  metrics.gauge("kata_guest_vm_stat", "Virtual memory of the guest", items(parseFlatKeyed(vmstat)));
  const network = parseNetDev(netDev).flatMap(({ name, ...counters }) =>
    Object.entries(counters).map(([item, value]): [Labels, bigint] => {
      return [{ interface: name, item: item.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) }, value];
    }),
  );
  metrics.gauge("kata_guest_netdev_stat", "Network interfaces of the guest", network);
  return metrics.toString();
}
