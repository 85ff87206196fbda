import { once } from "node:events";
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect } from "chai";
import { chosenPlugins } from "../../src/bin/kata-ts/chosen-plugins.js";
import { createTask, deleteTask, killTask, startTask, waitTask } from "../../src/core/messages/task.js";
import { defaultSpec } from "../../src/core/oci/default-spec.js";
import { Runtime } from "../../src/core/runtime/runtime.js";
import { builtins } from "../../src/plugins/builtins.js";
import { fakeSys } from "../../src/testing/fake-sys.js";

const compiled = fileURLToPath(new URL("../third-party/acme", import.meta.url));

const toml = (directory: string, more = "") => `
plugins = ["@acme/everything"]

[runtime]
name = "acme"
hypervisor_name = "acme"
agent_name = "acme"
internetworking_model = "acme-net"
image_filter = "acme"
dan_conf = "${directory}"
${more}

[handler.acme]
loud = true

[hypervisor.acme]
turbo = true
shared_fs = "acme-share"
block_device_driver = "acme-disk"
default_vcpus = 1

[agent.acme]
greeting = "good day"

[volume.acme-volume]
fstype = "ext9"

[image-filter.acme]
forbidden = "evil"
`;

/** What says of a pod's network that there is a card which another program serves. */
const dan = (socket: string) => ({
  devices: [
    {
      name: "eth0",
      guest_mac: "02:00:00:00:00:01",
      device: { type: "vhost-user", path: socket },
      network_info: { interface: { ip_addresses: ["10.0.0.2/24"] } },
    },
  ],
});

/** A host with the package installed beside its configuration. */
class Host {
  private constructor(
    readonly directory: string,
    readonly runtime: Runtime,
    readonly notes: readonly string[],
    readonly card: Server,
  ) {}

  static async open(more?: string): Promise<Host> {
    const directory = await mkdtemp(join(tmpdir(), "kata-ts-acme-"));
    const installed = join(directory, "node_modules/@acme/everything");
    await mkdir(installed, { recursive: true });
    await cp(compiled, installed, { recursive: true });
    const manifest = { name: "@acme/everything", type: "module", exports: { ".": { import: "./index.js" } } };
    await writeFile(join(installed, "package.json"), JSON.stringify(manifest));
    await writeFile(join(directory, "configuration.toml"), toml(directory, more), { mode: 0o600 });
    const socket = join(directory, "card.sock");
    const card = createServer().listen(socket);
    await once(card, "listening");
    await writeFile(join(directory, "a.json"), JSON.stringify(dan(socket)), { mode: 0o600 });
    const runtime = new Runtime({
      plugins: builtins,
      sys: fakeSys(),
      configPath: join(directory, "configuration.toml"),
      roots: { run: join(directory, "run"), shared: join(directory, "shared"), cgroup: join(directory, "cgroup") },
    });
    const { notes } = (await import(pathToFileURL(join(installed, "index.js")).href)) as { notes: string[] };
    return new Host(directory, runtime, notes, card);
  }

  async create(rootPath: string): Promise<unknown> {
    const spec = defaultSpec({ rootPath, args: ["sleep"] });
    const mounts = [{ type: "acme", source: "/disks/acme", destination: "/data", options: [] }];
    const request = { containerId: "a", bundle: "/bundle", rootfs: [], io: { terminal: false } };
    return this.runtime.request(createTask({ ...request, spec: { ...spec, mounts } }));
  }

  async close(): Promise<void> {
    await this.runtime.close();
    this.card.close();
    await rm(this.directory, { recursive: true });
  }
}

describe("a package of somebody else with a plugin of every kind", () => {
  let host: Host;
  afterEach(() => host.close());

  it("runs a container with all of them, and leaves nothing", async () => {
    host = await Host.open();
    const { runtime, notes, directory } = host;
    const main = { containerId: "a", execId: "" };
    const service = await runtime.createService("acme", { prefix: "ended with " });
    await service.start();
    await host.create("/images/good");
    await runtime.request(startTask(main));
    await runtime.request(killTask({ ...main, signal: 9, all: false }));
    expect(await runtime.request(waitTask(main))).to.include({ status: 137 });
    await runtime.request(deleteTask(main));
    await service.finished;
    await runtime.close();
    expect(notes.filter((line) => line.startsWith("handler"))).to.deep.equal([
      "handler TASK.CREATE",
      "handler TASK.START",
      "handler TASK.KILL",
      "handler TASK.WAIT",
      "handler TASK.DELETE",
    ]);
    const done = notes.filter((line) => !line.startsWith("handler"));
    const ended = done.indexOf("service ended with 137");
    // The container is prepared while the machine boots.
    expect(done.slice(0, ended)).to.have.members([
      "cgroup create kata_sandboxed_pod/a",
      "cgroup create kata_overhead/a",
      "network join eth0 acme0",
      "hypervisor add vhost-user-net eth0",
      "share prepare",
      "hypervisor start, 1 vCPUs, turbo",
      "agent connect, good day",
      "agent interface eth0",
      "agent sandbox, acme-share",
      "filter /images/good",
      "share a/acme",
      "hypervisor add block disk0 acme-disk",
      "volume /data",
      "agent container in /shared/a/acme, acme slot-disk0",
      "agent start",
    ]);
    expect(done.slice(ended + 1)).to.deep.equal([
      "hypervisor remove disk0",
      "share release a/acme",
      "agent close",
      "hypervisor stop",
      "share cleanup",
      "cgroup remove kata_overhead/a",
      "cgroup remove kata_sandboxed_pod/a",
      "network part eth0 acme0",
      "service close",
    ]);
    expect(runtime.plugins.statuses().filter(({ error }) => error !== undefined)).to.deep.equal([]);
    expect(await readdir(join(directory, "run")).catch(() => [])).to.deep.equal([]);
  });

  it("has its own kind refuse what it is configured to refuse, and leaves nothing either", async () => {
    host = await Host.open();
    const error: unknown = await host.create("/images/evil").catch((cause: unknown) => cause);
    expect(String(error)).to.include("the image filter does not take /images/evil");
    expect(await readdir(join(host.directory, "run")).catch(() => [])).to.deep.equal([]);
  });

  it("is chosen by the keys that its kinds have, as listings show", async () => {
    host = await Host.open();
    const config = await host.runtime.config();
    const chosen = chosenPlugins(config, host.runtime.registry.kinds).map(({ id, key }) => [id.kind, id.name, key]);
    expect(chosen).to.deep.equal([
      ["handler", "acme", "runtime.name"],
      ["hypervisor", "acme", "runtime.hypervisor_name"],
      ["agent", "acme", "runtime.agent_name"],
      ["share-fs", "acme-share", "hypervisor.acme.shared_fs"],
      ["network-model", "acme-net", "runtime.internetworking_model"],
      ["block-driver", "acme-disk", "hypervisor.acme.block_device_driver"],
      ["image-filter", "acme", "runtime.image_filter"],
    ]);
    const { tree, statuses } = await host.runtime.tryPlugins();
    expect(statuses.filter(({ error }) => error !== undefined)).to.deep.equal([]);
    const [process, sandbox] = tree;
    expect(process?.children[0]?.children[0]).to.include({ id: "handler/virt-container", state: "created" });
    const root = sandbox?.children.find(({ id }) => id === "rootfs/acme-root");
    expect(root?.children.map(({ id }) => id)).to.deep.equal(["image-filter/acme"]);
  });

  it("has the name of a plugin of its kind looked up like any other", async () => {
    host = await Host.open();
    await writeFile(
      join(host.directory, "configuration.toml"),
      toml(host.directory).replace(`"acme"\ndan`, `"acne"\ndan`),
    );
    const error: unknown = await host.create("/images/good").catch((cause: unknown) => cause);
    const where = `runtime.image_filter, ${join(host.directory, "configuration.toml")}:9`;
    expect(String(error)).to.include(
      `no image-filter plugin "acne" (${where}); there are: "acme"; did you mean "acme"?`,
    );
  });
});
