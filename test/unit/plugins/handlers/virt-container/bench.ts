import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { Source } from "../../../../../src/core/config/source.js";
import { plugin as virtContainer } from "../../../../../src/plugins/handlers/virt-container/index.js";
import { plugin as virtioBlkPci } from "../../../../../src/plugins/storage/block-virtio-pci/index.js";
import { FakeWorld, type FakeWorldToml } from "../../../../../src/testing/fake-world.js";

/** What a bench has besides the usual. */
export interface BenchOptions extends Omit<FakeWorldToml, "tables"> {
  readonly ownsProcess?: boolean;
  readonly systemd?: boolean;
}

/** A world with the real handler, and disks on PCI. */
export class Bench extends FakeWorld {
  readonly #ownsProcess: boolean;

  private constructor(
    directory: string,
    ownsProcess: boolean,
    configuration: {
      readonly toml?: FakeWorldToml;
      readonly configSources?: readonly Source[];
      readonly systemd?: boolean;
    },
  ) {
    super({ directory, plugins: [virtContainer, virtioBlkPci], ownsProcess, ...configuration });
    this.#ownsProcess = ownsProcess;
  }

  /** `more` is added to the configuration, made for the test's directory. */
  static async open(
    more: (directory: string) => string = () => "",
    { ownsProcess = false, systemd = false, ...toml }: BenchOptions = {},
  ): Promise<Bench> {
    const directory = await mkdtemp(join(tmpdir(), "kata-ts-test-"));
    return new Bench(directory, ownsProcess, { toml: { ...toml, tables: more(directory) }, systemd });
  }

  /** Another process on the same host, after this one was killed; its agents find this one's guest as it is now. */
  again(configSources?: readonly Source[]): Bench {
    const other = new Bench(this.directory, this.#ownsProcess, { ...(configSources && { configSources }) });
    const { agent } = this;
    other.prepareAgent = (next) => {
      for (const [id, one] of agent.containers) next.containers.set(id, one);
      for (const [id, one] of agent.processes) next.processes.set(id, one);
    };
    return other;
  }

  async close(): Promise<void> {
    await this.runtime.close();
    await rm(this.directory, { recursive: true });
  }
}

/** The first process of a container. */
export const main = (containerId: string) => ({ containerId, execId: "" });
/** Annotations of a pod's container. */
export { podAnnotations as pod } from "../../../../../src/testing/fake-world.js";

/** What a promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.fail("it should have failed"),
    (error: unknown) => error as Error,
  );
}
