import { closeSync, readSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import type { NetworkJoin } from "../../../src/core/contracts/network-model.js";
import { codeOf, describeError } from "../../../src/core/errors/error.js";
import { silentLogger } from "../../../src/core/log.js";
import { undoNetwork } from "../../../src/core/network/undo.js";
import { TrafficHandle } from "../../../src/core/sys/netlink/traffic-control.js";
import { TcFilter } from "../../../src/plugins/endpoints/network-models/tcfilter/tc-filter.js";
import { needsRoot } from "../sys/fixture.js";
import { mac, TestPod } from "../../support/test-pod.js";

/** Bytes of a `struct virtio_net_hdr` before each frame of a tap. */
const headerBytes = 10;

describe("the network model tcfilter", () => {
  let pod: TestPod;
  let model: TcFilter;
  let join: NetworkJoin;
  const open: number[] = [];

  before(function () {
    needsRoot(this);
  });

  beforeEach(() => {
    pod = new TestPod();
    model = new TcFilter({ sys: pod.sys, log: silentLogger, record: pod.record });
    join = { namespace: pod.namespace, podInterface: "eth0", tap: "tap0_kata", queuePairs: 1, rates: {} };
  });

  afterEach(async () => {
    for (const fd of open.splice(0)) closeSync(fd);
    pod.close();
  });

  const joined = async (more: Partial<NetworkJoin> = {}): Promise<number> => {
    const fds = await model.join({ ...join, ...more });
    open.push(...fds);
    return fds[0] ?? -1;
  };

  const codeOfJoin = async (more: Partial<NetworkJoin> = {}): Promise<string | undefined> =>
    model.join({ ...join, ...more }).then(
      () => undefined,
      (error: unknown) => codeOf(error),
    );

  /** Frames that arrive at the tap until one fits. */
  async function frame(fd: number, fits: (bytes: Buffer) => boolean): Promise<Buffer> {
    const buffer = Buffer.alloc(4096);
    for (const end = performance.now() + 5000; performance.now() < end; await sleep(5)) {
      try {
        const bytes = buffer.subarray(headerBytes, readSync(fd, buffer));
        if (fits(bytes)) return bytes;
      } catch (error) {
        if (codeOf(error) !== "EAGAIN") throw error;
      }
    }
    throw new Error("no such frame arrived");
  }

  it("carries what comes to the link to the tap, and what the tap sends out of the link", async () => {
    const fd = await joined();
    pod.hostRoute.setNeighbor({
      link: pod.hostRoute.link("peer0")?.index ?? 0,
      family: "ipv4",
      address: "10.1.1.2",
      hardwareAddress: mac(1, 2),
      state: 0x80,
      flags: 0,
    });
    pod.run("bash", ["-c", "echo hello >/dev/udp/10.1.1.2/4711"], pod.host);
    const received = await frame(fd, (bytes) => bytes.includes("hello"));
    expect(received.subarray(0, 12).toString("hex")).to.equal(`${mac(1, 2)}${mac(1, 1)}`.replaceAll(":", ""));
    const before = Number(pod.run("cat", ["/proc/net/dev"], pod.host).match(/peer0:\s+\d+\s+(\d+)/)?.[1]);
    const sent = Buffer.concat([Buffer.alloc(headerBytes), received]);
    sent.set(received.subarray(6, 12), headerBytes);
    sent.set(received.subarray(0, 6), headerBytes + 6);
    writeSync(fd, sent);
    const count = () => Number(pod.run("cat", ["/proc/net/dev"], pod.host).match(/peer0:\s+\d+\s+(\d+)/)?.[1]);
    for (let tries = 0; tries < 200 && count() === before; tries++) await sleep(5);
    expect(count()).to.be.greaterThan(before);
  });

  it("gives the tap the link's size and as many queues as are asked for", async () => {
    pod.route.changeLink(pod.index("eth0"), { mtu: 1400 });
    const fds = await model.join({ ...join, queuePairs: 4 });
    open.push(...fds);
    expect(fds).to.have.length(4);
    const tap = pod.route.link("tap0_kata");
    expect(tap).to.deep.include({ kind: "tun", mtu: 1400 });
    expect(tap?.details.tun).to.deep.include({ type: "tap", persistent: false, multiQueue: true });
  });

  it("leaves the namespace as it was", async () => {
    const before = pod.state();
    const fd = await joined({ rates: { receive: 8_000_000, transmit: 16_000_000 } });
    expect(pod.state()).to.not.equal(before);
    expect(pod.record.content.network).to.have.length(2);
    await model.part(join);
    open.length = 0;
    closeSync(fd);
    expect(pod.state()).to.equal(before);
    expect(pod.record.content.network).to.deep.equal([]);
    await model.part(join);
  });

  it("limits both directions by token buckets", async () => {
    await joined({ rates: { receive: 8_000_000, transmit: 16_000_000 } });
    const rate = (name: string) =>
      pod.route.qdiscs(pod.index(name)).find(({ kind }) => kind === "tbf")?.tokenBucket?.rate;
    expect(rate("tap0_kata")).to.equal(1_000_000);
    expect(rate("eth0")).to.equal(2_000_000);
  });

  it("undoes by the record what a crash left", async () => {
    const before = pod.state();
    const fd = await joined({ rates: { transmit: 16_000_000 } });
    open.length = 0;
    closeSync(fd);
    expect(pod.state()).to.not.equal(before);
    const noted = pod.record.content.network;
    for (const one of noted.toReversed()) await undoNetwork(pod.sys, one);
    expect(pod.state()).to.equal(before);
    for (const one of noted) await undoNetwork(pod.sys, one);
    for (const one of noted) await undoNetwork(pod.sys, { ...one, ...(one.kind === "qdisc" && { link: "nothere" }) });
    for (const one of noted)
      await undoNetwork(pod.sys, { ...one, ...(one.kind === "qdisc" && { namespace: "/nothere" }) });
  });

  it("takes over a link whose tap is gone since a crash", async () => {
    const fd = await joined();
    open.length = 0;
    closeSync(fd);
    expect(pod.route.qdiscs(pod.index("eth0")).some(({ kind }) => kind === "ingress")).to.equal(true);
    await joined();
    const [filter] = pod.route.filters(pod.index("eth0"), TrafficHandle.ingressQdisc);
    expect(filter?.mirred?.link).to.equal(pod.index("tap0_kata"));
  });

  it("refuses a link whose ingress is somebody's, and leaves it alone", async () => {
    const link = pod.index("eth0");
    pod.addPair("eth1", "peer1", 2);
    pod.route.addQdisc({ link, kind: "ingress" });
    pod.route.addFilter({
      link,
      parent: TrafficHandle.ingressQdisc,
      kind: "u32",
      mirred: { mode: "mirror", direction: "egress", link: pod.index("eth1") },
    });
    const before = pod.state();
    const error = await model.join(join).catch((cause: unknown) => cause);
    expect(codeOf(error)).to.equal("KATA_NETWORK_QDISC_TAKEN");
    expect(describeError(error)).to.match(
      /"eth0".*"ingress" already \(u32 of priority \d+\).*tc qdisc del dev eth0 ingress/,
    );
    expect(pod.state()).to.equal(before);
    await model.part(join);
    expect(pod.state()).to.equal(before);
    expect(pod.record.content.network).to.deep.equal([]);
  });

  it("refuses a tap's name that is taken, and a link that is gone", async () => {
    await joined();
    pod.addPair("eth1", "peer1", 2);
    expect(await codeOfJoin({ podInterface: "eth1" })).to.equal("KATA_NETWORK_TAP_TAKEN");
    expect(await codeOfJoin({ podInterface: "eth7", tap: "tap1_kata" })).to.equal("KATA_NETWORK_LINK_GONE");
    expect(await codeOfJoin({ podInterface: "eth1", tap: "tap-with-a-long-name" })).to.equal("KATA_NETLINK_VALUE");
  });

  it("is no error to part from what has gone", async () => {
    await joined();
    pod.route.removeLink(pod.index("eth0"));
    await model.part(join);
    expect(pod.record.content.network).to.deep.equal([]);
  });
});
