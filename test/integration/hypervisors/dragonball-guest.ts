import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { loadConfig } from "../../../src/core/config/load.js";
import { withDeadline } from "../../../src/core/deadline.js";
import { silentLogger } from "../../../src/core/log.js";
import { joinedEndpoints } from "../../../src/core/network/joined-endpoint.js";
import { NamespaceSource } from "../../../src/core/network/namespace-source.js";
import { PodNetwork } from "../../../src/core/network/pod-network.js";
import { defaultSpec } from "../../../src/core/oci/default-spec.js";
import { defaultRoots } from "../../../src/core/runtime/roots.js";
import { SandboxRecord } from "../../../src/core/sandbox/record.js";
import type { GuestStorage } from "../../../src/core/contracts/guest.js";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import { KataAgent } from "../../../src/plugins/agents/kata/kata-agent.js";
import { TcFilter } from "../../../src/plugins/endpoints/network-models/tcfilter/tc-filter.js";
import { config as schema } from "../../../src/plugins/hypervisors/dragonball/config.js";
import { DragonballHypervisor } from "../../../src/plugins/hypervisors/dragonball/dragonball.js";
import type { TestPod } from "../../support/test-pod.js";

/** Milliseconds that a guest may take where KVM itself is emulated. */
const patience = 240_000;

const settings = { port: 1024, logPort: 1025, dialPause: 20, requestTime: 120_000, healthCheckTime: 10_000 };

const never = new AbortController().signal;

/** The built guest in a machine of this process, its agent connected, with the network of a pod. */
export class DragonballGuest {
  #execs = 0;

  private constructor(
    readonly root: string,
    readonly machine: DragonballHypervisor,
    readonly agent: KataAgent,
    readonly network: PodNetwork,
  ) {}

  /** Boots one with a processor, that may have three. */
  static async boot(pod: TestPod): Promise<DragonballGuest> {
    const root = mkdtempSync(join(tmpdir(), "kata-dragonball-"));
    const runDirectory = join(root, "run");
    mkdirSync(runDirectory, { mode: 0o700 });
    const id = basename(root);
    const config = await loadConfig({
      builtIn: true,
      checkFiles: false,
      extensions: [{ kind: "hypervisor", name: "dragonball", ...schema.kataConfig }],
      overrides: [{ key: "runtime.hypervisor_name", value: "dragonball", name: "the test" }],
    });
    const sys = createLinuxSys();
    const machine = new DragonballHypervisor({
      sys,
      log: silentLogger,
      roots: { guestCache: defaultRoots.guestCache, run: root },
      config,
      // Configuration allows no more than the host has.
      settings: { ...config.hypervisor, enable_debug: true, default_maxvcpus: 3, shared_fs: "virtio-fs" },
      sandbox: {
        id,
        namespace: "test",
        runDirectory,
        record: SandboxRecord.create(runDirectory, { namespace: "test", id }),
      },
    });
    const agent = new KataAgent({ sys, log: silentLogger, settings });
    const network = new PodNetwork({
      source: new NamespaceSource(sys, pod.namespace),
      model: new TcFilter({ sys, log: silentLogger, record: pod.record }),
      drivers: [joinedEndpoints("veth", ["veth"])],
      settings: { queuePairs: 1, vhost: false, rates: {} },
      hypervisor: machine,
      agent,
    });
    const guest = new DragonballGuest(root, machine, agent, network);
    try {
      await network.prepare(never);
      await machine.start({ vcpus: 1, memoryMiB: 512, kernelParameters: [] }, never);
      const context = () => machine.consoleTail().slice(-5).join("\n");
      const what = "the guest's agent to answer";
      await withDeadline({ ms: patience, what, context }, (end) => agent.connect(machine.guestAddress, end));
      await network.attach();
      await agent.createSandbox({
        sandboxId: id,
        hostname: "guest",
        dns: [],
        storages: [],
        sharedPidNamespace: false,
        guestHookPath: "",
        kernelModules: [],
      });
      return guest;
    } catch (error) {
      await guest.close();
      throw error;
    }
  }

  /** Runs a container whose root is a storage. */
  async run(containerId: string, storage: Omit<GuestStorage, "mountPoint">): Promise<void> {
    const mountPoint = `/run/kata-containers/${containerId}/rootfs`;
    const spec = defaultSpec({ rootPath: mountPoint, readOnly: true, args: ["/bin/sleep", "100000"] });
    const storages = [{ ...storage, mountPoint }];
    await this.agent.createContainer({ containerId, spec, storages, devices: [], sharedPidNamespace: false });
    await this.agent.startContainer(containerId);
  }

  /** What a command in a container prints, both of its outputs. */
  async exec(containerId: string, command: string): Promise<string> {
    const process = { containerId, execId: `exec${this.#execs++}` };
    const args = ["/bin/sh", "-c", `exec 2>&1; ${command}`];
    await this.agent.execProcess(process, {
      terminal: false,
      user: { uid: 0, gid: 0 },
      cwd: "/",
      args,
      env: ["PATH=/bin"],
    });
    let text = "";
    const read = () => this.agent.readStdout(process, 65_536);
    for (let piece = await read(); piece !== undefined; piece = await read()) text += Buffer.from(piece).toString();
    await this.agent.waitProcess(process);
    return text;
  }

  async close(): Promise<void> {
    await this.agent.close();
    await this.machine.stop();
    await this.network.cleanup();
    rmSync(this.root, { recursive: true, force: true });
  }
}
