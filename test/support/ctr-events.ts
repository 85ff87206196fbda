import { setTimeout as sleep } from "node:timers/promises";
import type { Containerd } from "./containerd.js";
import { Dialogue } from "./dialogue.js";

/** An event as `ctr events` prints it. */
export interface CtrEvent {
  readonly topic: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What `ctr events` prints from now on. */
export class CtrEvents {
  readonly #dialogue: Dialogue;

  private constructor(dialogue: Dialogue) {
    this.#dialogue = dialogue;
  }

  /** Listens, and makes sure that it hears: events tell nobody when they begin. */
  static async open(containerd: Containerd): Promise<CtrEvents> {
    const events = new CtrEvents(new Dialogue("ctr", ["--address", containerd.address, "events"]));
    for (let tries = 0; tries < 100; tries += 1) {
      const { status } = await containerd.ctr(["namespaces", "label", "default", `heard=${tries}`]);
      if (status !== 0) await containerd.ctr(["namespaces", "create", "default"]);
      await sleep(20);
      if (events.#all().some(({ topic }) => topic.startsWith("/namespaces/"))) return events;
    }
    throw new Error(`ctr events is silent: ${events.#dialogue.output}`);
  }

  /** Events of a container's tasks so far, in order. */
  of(id: string): CtrEvent[] {
    return this.#all().filter(({ topic, fields }) => topic.startsWith("/tasks/") && fields["container_id"] === id);
  }

  /** Waits until a container's task has an event of this topic (`exit`, `delete`) with these fields, and gives all so far. */
  async until(id: string, topic: string, fields: CtrEvent["fields"] = {}): Promise<CtrEvent[]> {
    const wanted = (event: CtrEvent): boolean =>
      event.topic === `/tasks/${topic}` &&
      Object.entries(fields).every(([name, value]) => event.fields[name] === value);
    while (!this.of(id).some(wanted)) await this.#dialogue.see(/\n/);
    return this.of(id);
  }

  close(): Promise<unknown> {
    this.#dialogue.kill();
    return this.#dialogue.end();
  }

  #all(): CtrEvent[] {
    const lines = this.#dialogue.output.split("\n").slice(0, -1);
    return lines.flatMap((line) => {
      const [, topic, json] = /^\S+ \S+ \S+ \S+ \S+ (\/\S+) (\{.*\})$/.exec(line) ?? [];
      if (topic === undefined || json === undefined) return [];
      return [{ topic, fields: JSON.parse(json) as CtrEvent["fields"] }];
    });
  }
}
