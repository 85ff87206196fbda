import { closeSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import type { Device } from "../../../src/core/contracts/device.js";
import { codeOf, messageOf } from "../../../src/core/errors/error.js";
import { silentLogger } from "../../../src/core/log.js";
import { DanSource } from "../../../src/core/network/dan/dan-source.js";
import { findDanFile } from "../../../src/core/network/dan/find-dan-file.js";
import { PodNetwork } from "../../../src/core/network/pod-network.js";
import type { PluginContext } from "../../../src/core/plugin/context.js";
import { TcFilter } from "../../../src/plugins/endpoints/network-models/tcfilter/tc-filter.js";
import { plugin as tap } from "../../../src/plugins/endpoints/tap/index.js";
import { plugin as tuntap } from "../../../src/plugins/endpoints/tuntap/index.js";
import { plugin as vhostUser } from "../../../src/plugins/endpoints/vhost-user/index.js";
import { NotedGuest } from "../../support/noted-guest.js";
import { TestPod } from "../../support/test-pod.js";
import { served, tapped, type Written } from "../../unit/core/network/dan/dan-texts.js";
import { needsRoot } from "../sys/fixture.js";

const never = new AbortController().signal;

describe("a pod's network by a DAN file", () => {
  let pod: TestPod;
  let guest: NotedGuest;
  let network: PodNetwork | undefined;
  let server: Server | undefined;
  const open: number[] = [];

  before(function () {
    needsRoot(this);
  });

  beforeEach(() => {
    pod = new TestPod();
    guest = new NotedGuest();
    mkdirSync(join(pod.directory, "dans"));
  });

  afterEach(async () => {
    await network?.cleanup();
    network = undefined;
    server?.close();
    server = undefined;
    for (const fd of open.splice(0)) closeSync(fd);
    pod.close();
  });

  /** A network by a file of these devices, for a pod with a namespace of its own unless told. */
  async function make(
    devices: readonly Written[],
    { namespace, netns }: { namespace?: string | undefined; netns?: string } = { namespace: pod.namespace },
  ): Promise<PodNetwork> {
    const directory = join(pod.directory, "dans");
    writeFileSync(join(directory, "pod.json"), JSON.stringify({ netns, devices }));
    const found = findDanFile(directory, "pod", "the test");
    if (found === undefined) throw new Error("no file was written");
    const context = { sys: pod.sys, sandbox: { record: pod.record } } as unknown as PluginContext;
    network = new PodNetwork({
      source: new DanSource(pod.sys, found, namespace),
      model: new TcFilter({ sys: pod.sys, log: silentLogger, record: pod.record }),
      drivers: await Promise.all([tap, tuntap, vhostUser].map(async (one) => one.create(context, undefined))),
      settings: { queuePairs: 1, vhost: false, rates: {} },
      hypervisor: guest.hypervisor,
      agent: guest.agent,
    });
    return network;
  }

  async function refusal(making: Promise<PodNetwork>): Promise<string> {
    const made = await making;
    const error: unknown = await made.prepare(never).then(
      () => undefined,
      (cause: unknown) => cause,
    );
    await made.cleanup();
    return `${codeOf(error)} ${messageOf(error)}`;
  }

  function card<K extends Device["kind"]>(name: string, kind: K): Extract<Device, { kind: K }> {
    const device = guest.devices.get(name);
    if (device?.kind !== kind) throw new Error(`${name} is no ${kind} but ${device?.kind}`);
    return device as Extract<Device, { kind: K }>;
  }

  const addTap = (name: string, ...more: string[]) =>
    pod.run("ip", ["tuntap", "add", "dev", name, "mode", "tap", ...more]);
  const own = (name: string) => pod.route.link(name)?.hardwareAddress;

  /** Listens where a program that serves cards would. */
  async function listen(): Promise<string> {
    const path = join(pod.directory, "vhost.sock");
    const listening = createServer().listen(path);
    server = listening;
    await new Promise((resolve) => listening.once("listening", resolve));
    return path;
  }

  it("has the taps that the file names, and nothing else of the namespace", async () => {
    addTap("tap0", "multi_queue");
    const before = pod.state();
    const device = { type: "host-tap", tap_name: "tap0", queue_num: 2, queue_size: 512 };
    const info = {
      interface: { ip_addresses: ["10.7.0.2/24", "fd07::2/64"], mtu: 1400, flags: 0x80 },
      routes: [{ gateway: "10.7.0.1" }, { dest: "10.8.0.0/16", gateway: "10.7.0.3", mtu: 1300 }],
      neighbors: [{ ip_address: "10.7.0.1", hardware_addr: "02:00:00:00:07:01", state: 128 }],
    };
    const made = await make([tapped({ name: "net1", guest_mac: "02:00:00:00:07:02", device, network_info: info })]);
    await made.prepare(never);
    await made.attach();
    expect([...guest.devices.keys()]).to.deep.equal(["net1"]);
    const { hardwareAddress, tapFds, queueSize } = card("net1", "net");
    expect([hardwareAddress, tapFds.length, queueSize]).to.deep.equal(["02:00:00:00:07:02", 2, 512]);
    expect(guest.interfaces).to.deep.equal([
      {
        device: "net1",
        name: "net1",
        addresses: [
          { family: "ipv4", address: "10.7.0.2", prefix: 24 },
          { family: "ipv6", address: "fd07::2", prefix: 64 },
        ],
        mtu: 1400,
        hardwareAddress: "02:00:00:00:07:02",
        flags: 0x80,
        devicePath: "01",
      },
    ]);
    expect(guest.routes.map(({ destination, gateway, mtu }) => [destination, gateway, mtu])).to.deep.equal([
      ["", "10.7.0.1", undefined],
      ["10.8.0.0/16", "10.7.0.3", 1300],
    ]);
    expect(guest.neighbors.map(({ device, hardwareAddress }) => [device, hardwareAddress])).to.deep.equal([
      ["net1", "02:00:00:00:07:01"],
    ]);
    await made.cleanup();
    expect(pod.state()).to.equal(before);
    expect(pod.record.content.network).to.deep.equal([]);
  });

  it("never changes while the pod runs", async () => {
    addTap("tap0");
    const made = await make([tapped()]);
    await made.prepare(never);
    await made.attach();
    expect(made.watch({ changed: () => undefined, error: () => undefined })).to.equal(undefined);
    pod.addPair("eth1", "peer1", 2);
    expect(await made.update(never)).to.equal(false);
    expect([...guest.devices.keys()]).to.deep.equal(["eth0"]);
  });

  it("gives a card that the file has no address for another one than its tap's", async () => {
    addTap("tap0");
    const made = await make([tapped()]);
    await made.prepare(never);
    await made.attach();
    const { hardwareAddress, queueSize } = card("eth0", "net");
    expect(hardwareAddress).to.not.equal(own("tap0"));
    expect(hardwareAddress.slice(2)).to.equal(own("tap0")?.slice(2));
    expect(guest.interfaces[0]?.hardwareAddress).to.equal(hardwareAddress);
    expect(queueSize).to.equal(256);
  });

  it("has a name in the guest that another of its taps has on the host", async () => {
    addTap("tap0");
    addTap("tap1");
    const other = { interface: { ip_addresses: ["10.7.1.2/24"] } };
    const device = { type: "host-tap", tap_name: "tap1" };
    const made = await make([tapped({ name: "tap1" }), tapped({ name: "tap0", device, network_info: other })]);
    await made.prepare(never);
    expect([...guest.devices.keys()]).to.deep.equal(["tap1", "tap0"]);
    expect(card("tap1", "net").hardwareAddress.slice(2)).to.equal(own("tap0")?.slice(2));
  });

  it("takes taps from the namespace that the file names, whatever the pod's is", async () => {
    pod.run("ip", ["tuntap", "add", "dev", "tap7", "mode", "tap"], pod.host);
    const devices = [tapped({ device: { type: "host-tap", tap_name: "tap7" } })];
    expect(await refusal(make(devices))).to.match(
      /^KATA_DAN_DEVICE .*pod\.json: devices\[0\]\.device\.tap_name is "tap7", which is not in .*\/pod; there are: lo, eth0$/,
    );
    for (const namespace of [pod.namespace, undefined]) {
      const made = await make(devices, { namespace, netns: pod.host });
      await made.prepare(never);
      expect([...guest.devices.keys()]).to.deep.equal(["eth0"]);
      await made.cleanup();
    }
  });

  it("may have a tap of the runtime's own namespace, but only when the file names that", async () => {
    const own = "/proc/self/ns/net";
    const devices = [tapped({ device: { type: "host-tap", tap_name: "no-such-tap" } })];
    expect(await refusal(make(devices, { namespace: own }))).to.match(/^KATA_NETWORK_OWN /);
    expect(await refusal(make(devices, { netns: own }))).to.match(
      /^KATA_DAN_DEVICE .*is "no-such-tap", which is not in \/proc\/self\/ns\/net; there are: /,
    );
  });

  it("connects to the program that serves a card, without a namespace at all", async () => {
    const path = await listen();
    const device = { type: "vhost-user", path, queue_num: 4, queue_size: 1024 };
    const made = await make([served({ device })], {});
    await made.prepare(never);
    await made.attach();
    expect(card("eth0", "vhost-user-net")).to.deep.equal({
      kind: "vhost-user-net",
      id: "eth0",
      hardwareAddress: "02:00:00:00:00:01",
      socket: path,
      queuePairs: 4,
      queueSize: 1024,
    });
    expect(guest.interfaces[0]).to.include({ name: "eth0", hardwareAddress: "02:00:00:00:00:01", mtu: 1500 });
    await made.cleanup();
    const nameless = await make([served({ device: { type: "vhost-user", path }, guest_mac: null })], {});
    await nameless.prepare(never);
    const { hardwareAddress, queuePairs, queueSize } = card("eth0", "vhost-user-net");
    expect(hardwareAddress).to.match(/^.[26ae](:..){5}$/);
    expect([queuePairs, queueSize]).to.deep.equal([1, 256]);
  });

  it("is refused when what it names is of no use, and leaves nothing", async () => {
    addTap("tap0");
    open.push(...pod.sys.taps.open({ name: "held0", namespace: pod.namespace, queuePairs: 1, exclusive: true }));
    pod.route.changeLink(pod.index("held0"), { up: true });
    const before = pod.state();
    const at = /^KATA_DAN_DEVICE .*\/dans\/pod\.json: devices\[0\]\.device/;
    const onTap = (more: Written, parts?: { namespace?: string }) =>
      refusal(make([tapped({ device: { type: "host-tap", ...more } })], parts));
    const onSocket = (path: string) => refusal(make([served({ device: { type: "vhost-user", path } })], {}));
    const said = [
      [await onTap({ tap_name: "eth0" }), /tap_name is "eth0", which is no tap in .* of the kind "veth"$/],
      [await onTap({ tap_name: "held0" }), /tap_name is "held0", and a program holds that tap/],
      [
        await onTap({ tap_name: "tap0", queue_num: 2 }),
        /one queue, and queue_num asks for 2; make it with multi_queue$/,
      ],
      [await onTap({ tap_name: "tap0" }, {}), /device is a tap, and neither the pod nor the file .*write netns$/],
      [await onSocket("/nowhere/vhost.sock"), /path is "\/nowhere\/vhost\.sock", which is not there$/],
      [await onSocket("/etc/hostname"), /path is "\/etc\/hostname", which is no socket$/],
    ] as const;
    for (const [text, says] of said) expect(text).to.match(at).and.to.match(says);
    expect(await refusal(make([tapped({ mtu: 1 })]))).to.match(/^KATA_DAN_UNKNOWN_KEY /);
    expect(await refusal(make([tapped()], { netns: "/nowhere" }))).to.match(/^KATA_NETWORK_NAMESPACE .*is not there/);
    expect(pod.state()).to.equal(before);
    expect(guest.devices.size).to.equal(0);
  });
});
