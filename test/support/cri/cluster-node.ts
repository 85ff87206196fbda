import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import type { Rtnetlink } from "../../../src/core/sys/netlink.js";
import { addAddress } from "../add-address.js";
import { Containerd, busyboxImage } from "../containerd.js";
import { CriClient, type PodConfig } from "./client.js";
import { tftpCommand, tftpImage } from "./tftp-image.js";

/** A configuration of CNI: a name and its plugins, in their own words. */
export interface CniConfig {
  readonly name: string;
  readonly plugins: readonly Readonly<Record<string, unknown>>[];
}

/** A pod that runs. */
export interface RunningPod {
  readonly id: string;
  readonly config: PodConfig;
  readonly addresses: readonly string[];
}

/** What runs in a pod for as long as the pod does. */
const pauseImage = "docker.io/library/pause:test";

/** Where the distribution has the plugins of CNI. */
const cniPrograms = "/usr/lib/cni";

/**
 * A node of a cluster, without the cluster: a containerd that serves the Container Runtime Interface from a network
 * namespace of its own. That namespace is what the pods know as the host; the machine's own network is not touched.
 */
export class ClusterNode {
  readonly cri: CriClient;
  readonly containerd: Containerd;
  /** Path of the namespace that stands for the host's. */
  readonly namespace: string;
  readonly route: Rtnetlink;
  readonly #sys = createLinuxSys();
  #pods = 0;

  private constructor(containerd: Containerd, namespace: string) {
    this.containerd = containerd;
    this.namespace = namespace;
    this.cri = new CriClient(containerd.address);
    this.route = this.#sys.netlink.route(namespace);
  }

  /** Starts it; `directory` is a directory of the caller's, which it leaves empty. */
  static async open(directory: string): Promise<ClusterNode> {
    const { namespaces, netlink } = createLinuxSys();
    const namespace = join(directory, "host");
    namespaces.createNetworkNamespace(namespace);
    const route = netlink.route(namespace);
    route.changeLink(route.link("lo")?.index ?? 1, { up: true });
    route.close();
    const containerd = await Containerd.open({
      cri: criLines,
      around: (start) => namespaces.inNetworkNamespace(namespace, start),
    });
    await containerd.importImage({ name: pauseImage, config: { Cmd: ["sleep", "100000"] } });
    await containerd.importImage(tftpImage);
    return new ClusterNode(containerd, namespace);
  }

  /** Has new pods get their network in this way. */
  useNetwork({ name, plugins }: CniConfig): void {
    const directory = join(this.containerd.directory, "cni");
    mkdirSync(directory, { recursive: true });
    const text = JSON.stringify({ cniVersion: "0.4.0", name, plugins: [...plugins] });
    writeFileSync(join(directory, "10-test.conflist"), text);
  }

  /** The address manager of CNI on one disk, for these networks. */
  addressing(...subnets: readonly string[]): Readonly<Record<string, unknown>> {
    const routes = subnets.map((subnet) => ({ dst: subnet.includes(":") ? "::/0" : "0.0.0.0/0" }));
    const dataDir = join(this.containerd.directory, "addresses");
    return { type: "host-local", ranges: subnets.map((subnet) => [{ subnet }]), routes, dataDir };
  }

  async runPod(handler: string, id: string, more: Partial<PodConfig> = {}): Promise<RunningPod> {
    const name = `${id}-${++this.#pods}`;
    const config = { metadata: { name, uid: name, namespace: "test" }, ...more };
    const pod = await this.cri.runPod(config, handler);
    return { id: pod, config, addresses: await this.cri.addresses(pod) };
  }

  /** Runs a container of a pod; a shell that sleeps unless told otherwise. */
  async runContainer(pod: RunningPod, name: string, script = "sleep 100000"): Promise<string> {
    return this.#run(pod, { name, image: busyboxImage, command: ["sh", "-c", script] });
  }

  /** Runs a container of a pod that serves a file with the line "hello" by TFTP, over UDP, at the usual port. */
  async runTftpServer(pod: RunningPod): Promise<string> {
    return this.#run(pod, { name: "tftp", image: tftpImage.name, command: tftpCommand });
  }

  async #run({ id, config }: RunningPod, container: Parameters<CriClient["createContainer"]>[2]): Promise<string> {
    const made = await this.cri.createContainer(id, config, container);
    await this.cri.startContainer(made);
    return made;
  }

  async endPod({ id }: Pick<RunningPod, "id">): Promise<void> {
    await this.cri.stopPod(id);
    await this.cri.removePod(id);
  }

  /** Runs something of the host's in its namespace; it must do so at once. */
  inHost<T>(act: () => T): T {
    return this.#sys.namespaces.inNetworkNamespace(this.namespace, act);
  }

  /** Gives the host a link to a network that nobody is on. */
  addUplink(name: string): void {
    if (this.route.link(name) !== undefined) return;
    this.route.createLink({ name }, { kind: "veth", peer: { name: `${name}-peer` } });
    for (const end of [name, `${name}-peer`]) {
      this.route.changeLink(this.route.link(end)?.index ?? 0, { up: true });
    }
  }

  /** Puts a VLAN with addresses (`10.0.0.1/16`) on the far end of an uplink. */
  addVlanPeer(name: string, id: number, addresses: readonly string[]): { remove(): void } {
    const vlan = `${name}.${id}`;
    this.route.createLink({ name: vlan }, { kind: "vlan", parent: this.route.link(name)?.index ?? 0, id });
    const { index: link } = this.route.link(vlan)!;
    this.route.changeLink(link, { up: true });
    for (const text of addresses) addAddress(this.route, link, text);
    return { remove: () => this.route.removeLink(link) };
  }

  /** Whether iptables can translate addresses in the host's namespace. */
  hasPacketFilter(): boolean {
    return this.inHost(() => spawnSync("iptables", ["-t", "nat", "-L"]).status === 0);
  }

  /** Serves a file with the line "hello" by TFTP, over UDP, at a port of the host's. */
  async tftpServer(type: "udp4" | "udp6"): Promise<{ readonly port: number; close(): void }> {
    const program = fileURLToPath(new URL("tftp-server.js", import.meta.url));
    const child = this.inHost(() => spawn(process.execPath, [program, type], { stdio: ["ignore", "pipe", "inherit"] }));
    const [first] = (await once(child.stdout, "data")) as [Buffer];
    return { port: Number(first.toString()), close: () => void child.kill("SIGKILL") };
  }

  /** Sends back whatever comes over TCP, of either family, at a port of the host's. */
  echoServer(): { readonly port: number; close(): void } {
    const server = this.inHost(() => createServer((socket) => socket.pipe(socket)).listen(0));
    return { port: (server.address() as AddressInfo).port, close: () => void server.close() };
  }

  async close(): Promise<void> {
    this.cri.close();
    this.route.close();
    await this.containerd.close();
    this.#sys.namespaces.removeNetworkNamespace(this.namespace);
    rmSync(this.namespace, { force: true });
  }
}

function criLines(directory: string): string[] {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return [
    `[${cri}]`,
    `  sandbox_image = "${pauseImage}"`,
    "  netns_mounts_under_state_dir = true",
    "  restrict_oom_score_adj = true",
    '  stream_server_address = "127.0.0.1"',
    '  stream_server_port = "0"',
    `[${cri}.cni]`,
    `  bin_dir = "${cniPrograms}"`,
    `  conf_dir = "${directory}/cni"`,
    `[${cri}.containerd]`,
    '  default_runtime_name = "runc"',
    `[${cri}.containerd.runtimes.runc]`,
    '  runtime_type = "io.containerd.runc.v2"',
    `[${cri}.containerd.runtimes.kata-ts]`,
    '  runtime_type = "io.containerd.kata-ts.v2"',
  ];
}
