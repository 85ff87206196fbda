import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { randomBytes } from "node:crypto";
import { loadConfig } from "../../../src/core/config/load.js";
import type { Agent } from "../../../src/core/contracts/agent.js";
import { guestFiles } from "../../../src/core/hypervisor/guest-files.js";
import { kernelCommandLine } from "../../../src/core/hypervisor/kernel-command-line.js";
import { silentLogger } from "../../../src/core/log.js";
import { defaultSpec } from "../../../src/core/oci/default-spec.js";
import { defaultRoots } from "../../../src/core/runtime/roots.js";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import { KataAgent } from "../../../src/plugins/agents/kata/kata-agent.js";
import { agentSettings } from "../../../src/plugins/agents/kata/settings.js";
import { guestSpec } from "../../../src/plugins/handlers/virt-container/guest-spec.js";
import type { MachineParts } from "../../../src/vmm/machine-spec.js";
import { MicroVm } from "../../../src/vmm/micro-vm.js";
import { needsRealKvm } from "../../support/needs-kvm.js";
import { makeBusyboxRootfs } from "../../support/rootfs.js";

const bootMs = 300_000;
const memoryMiB = 256;

describe("a real guest that is saved", () => {
  const sys = createLinuxSys();
  const machines: MicroVm[] = [];
  const agents: Agent[] = [];
  let directory: string;

  before(async function () {
    await needsRealKvm(this);
    directory = mkdtempSync(join(tmpdir(), "kata-ts-saved-"));
    makeBusyboxRootfs(join(directory, "rootfs"));
    const disk = ["-q", "-F", "-t", "ext4", "-d", join(directory, "rootfs"), join(directory, "disk"), "16M"];
    const { status, stderr } = spawnSync("mke2fs", disk, { encoding: "utf8" });
    expect(status, stderr).to.equal(0);
    mkdirSync(join(directory, "saved"), { mode: 0o700 });
  });

  after(async () => {
    for (const agent of agents) await agent.destroy(new Error("the test is over"));
    for (const machine of machines) await machine.stop();
    if (directory !== undefined) rmSync(directory, { recursive: true });
  });

  const guest = async () => {
    const { hypervisor, agent } = await loadConfig({ builtIn: true });
    const where = { hypervisor: "dragonball", cache: defaultRoots.guestCache, where: () => "" };
    return { hypervisor, settings: agentSettings(agent), files: guestFiles(hypervisor, where) };
  };

  /** Its parts, with a vsock of its own. */
  const parts = async (name: string, shown: string[]): Promise<MachineParts> => ({
    vcpus: 2,
    memoryMiB,
    devices: [
      { kind: "disk", id: "image", path: (await guest()).files.image ?? "", readOnly: true },
      { kind: "disk", id: "rootfs", path: join(directory, "disk"), readOnly: true },
      { kind: "vsock", id: "vsock", cid: 3, path: join(directory, name) },
      { kind: "entropy", id: "entropy" },
    ],
    onConsole: (bytes) => shown.push(Buffer.from(bytes).toString("latin1")),
  });

  const connected = async (name: string, shown: string[]): Promise<Agent> => {
    const agent = new KataAgent({ sys, log: silentLogger, settings: (await guest()).settings });
    agents.push(agent);
    const address = { kind: "hybrid-vsock", path: join(directory, name) } as const;
    await agent.connect(address, AbortSignal.timeout(bootMs)).catch((cause: unknown) => {
      throw new Error(`no agent at ${name}; the console ends: ${shown.join("").slice(-2000)}`, { cause });
    });
    return agent;
  };

  /** What a container of the guest's prints. */
  const run = async (agent: Agent, id: string, script: string): Promise<string> => {
    await agent.createSandbox({
      sandboxId: id,
      hostname: id,
      dns: [],
      storages: [],
      sharedPidNamespace: false,
      guestHookPath: "",
      kernelModules: [],
    });
    const mountPoint = `/run/kata-containers/${id}/root`;
    const host = defaultSpec({ rootPath: "rootfs", readOnly: true, hostname: id, args: ["/bin/sh", "-c", script] });
    const made = { role: "single", bundle: "/", rootPath: mountPoint, mounts: host.mounts ?? [] } as const;
    await agent.createContainer({
      containerId: id,
      spec: guestSpec(host, made, { disableSeccomp: true, disableSelinux: true }),
      storages: [{ driver: "mmioblk", source: "/dev/vdb", fstype: "ext4", options: ["ro"], mountPoint }],
      devices: [],
      sharedPidNamespace: false,
    });
    await agent.startContainer(id);
    const process_ = { containerId: id, execId: id };
    let text = "";
    for (let piece = await agent.readStdout(process_, 4096); piece !== undefined; ) {
      text += Buffer.from(piece).toString();
      piece = await agent.readStdout(process_, 4096);
    }
    expect(await agent.waitProcess(process_)).to.equal(0);
    return text;
  };

  it("goes on in two others: agents answer, containers run, with other random numbers and the right time", async () => {
    const shown: string[] = [];
    const { hypervisor, files } = await guest();
    const bootFile = async (name: string) => ({ name, bytes: await readFile(name) });
    const initrd = files.initrd === undefined ? undefined : await bootFile(files.initrd);
    const template = new MicroVm(sys, {
      ...(await parts("template", shown)),
      kernel: await bootFile(files.kernel),
      ...(initrd !== undefined && { initrd }),
      commandLine: kernelCommandLine({
        hypervisor: "dragonball",
        debug: false,
        machine: [],
        root: files.parameters,
        added: ["agent.log_vport=1025"],
        configured: hypervisor.kernel_params,
      }),
    });
    machines.push(template);
    await template.start();
    const first = await connected("template", shown);
    await first.close();
    await template.pause();
    await template.save(join(directory, "saved"));
    await template.stop();

    const clones = ["one", "two"].map((name) => ({ name, shown: [] as string[] }));
    const results: string[] = [];
    for (const clone of clones) {
      const machine = new MicroVm(sys, { ...(await parts(clone.name, clone.shown)), from: join(directory, "saved") });
      machines.push(machine);
      await machine.start();
      const agent = await connected(clone.name, clone.shown);
      const clock = agent.capability("clock");
      await clock?.setTime(new Date());
      await clock?.reseed(randomBytes(64));
      results.push(await run(agent, clone.name, "head -c 16 /dev/urandom | od -An -tx1; date +%s; nproc; hostname"));
    }
    const [one, two] = results.map((text) => text.trim().split("\n"));
    expect(one?.[0]).to.match(/^([0-9a-f]{2} ){15}[0-9a-f]{2}$/);
    expect(one?.[0], "random numbers").to.not.equal(two?.[0]);
    for (const { shown: text } of clones) expect(text.join(""), "the kernel").to.not.match(/BUG|Oops|panic|stall/);
    for (const lines of [one, two]) expect(Math.abs(Number(lines?.[1]) - Date.now() / 1000)).to.be.lessThan(120);
    expect([one?.slice(2), two?.slice(2)]).to.deep.equal([
      ["2", "one"],
      ["2", "two"],
    ]);
  });
});
