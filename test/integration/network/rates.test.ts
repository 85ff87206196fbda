import { closeSync, readSync, writeSync } from "node:fs";
import { expect } from "chai";
import type { NetworkModel, NetworkRates } from "../../../src/core/contracts/network-model.js";
import { codeOf } from "../../../src/core/errors/error.js";
import { silentLogger } from "../../../src/core/log.js";
import { SocketFamily, SocketType } from "../../../src/core/sys/socket-address.js";
import { Macvtap } from "../../../src/plugins/endpoints/network-models/macvtap/macvtap.js";
import { TcFilter } from "../../../src/plugins/endpoints/network-models/tcfilter/tc-filter.js";
import { needsRoot } from "../sys/fixture.js";
import { mac, TestPod } from "../../support/test-pod.js";

/** Bytes of a `struct virtio_net_hdr` before each frame of a tap. */
const headerBytes = 10;

const payloadBytes = 1000;
/** Frames that are sent one behind the other: fewer than any queue on the way has room for. */
const burst = 50;
const frames = 4000;

/** What gets through without a limit, at least: a busy kernel may drop some. */
const most = frames * 0.9;

/** Bits a second; what is let through at once and may wait is a thirtieth of what is sent. */
const rate = 400_000;

/** A frame of a protocol that nobody knows, so that nobody answers. */
function frame(from: string, to: string): Buffer {
  const addresses = Buffer.from(`${to}${from}`.replaceAll(":", ""), "hex");
  return Buffer.concat([addresses, Buffer.from([0x88, 0xb5]), Buffer.alloc(payloadBytes)]);
}

describe("the rates of a pod's link", () => {
  let pod: TestPod;

  before(function () {
    needsRoot(this);
  });

  beforeEach(() => {
    pod = new TestPod();
  });

  afterEach(() => pod.close());

  /** Sends frames out of the host's end of the link, and calls back after each burst. */
  function sendFromHost(arrived: () => void): void {
    const { namespaces, sockets } = pod.sys;
    const fd = namespaces.inNetworkNamespace(pod.host, () =>
      sockets.open({ family: SocketFamily.packet, type: SocketType.raw }),
    );
    try {
      sockets.bind(fd, packetAddress(pod.hostRoute.link("peer0")?.index ?? 0));
      const bytes = frame(mac(1, 1), mac(1, 2));
      for (let sent = 0; sent < frames; sent++) {
        sockets.send(fd, bytes);
        if (sent % burst === burst - 1) arrived();
      }
    } finally {
      closeSync(fd);
    }
  }

  /** Frames that are waiting at a tap. */
  function drain(tap: number): number {
    const buffer = Buffer.alloc(4096);
    for (let count = 0; ; ) {
      try {
        const length = readSync(tap, buffer);
        if (length === headerBytes + 14 + payloadBytes) count++;
      } catch (error) {
        if (codeOf(error) === "EAGAIN") return count;
        throw error;
      }
    }
  }

  /** Frames that have arrived at the host's end of the link. */
  const hostReceived = (): number =>
    Number(/peer0:\s+\d+\s+(\d+)/.exec(pod.run("cat", ["/proc/net/dev"], pod.host))?.[1]);

  const models: Readonly<Record<string, () => NetworkModel>> = {
    tcfilter: () => new TcFilter({ sys: pod.sys, log: silentLogger, record: pod.record }),
    macvtap: () => new Macvtap({ sys: pod.sys, log: silentLogger, record: pod.record }),
  };

  for (const [name, makeModel] of Object.entries(models)) {
    /** Frames that get through to the guest and from it, of all that are sent, in a pod with these rates. */
    const through = async (rates: NetworkRates): Promise<{ received: number; transmitted: number }> => {
      const model = makeModel();
      const join = { namespace: pod.namespace, podInterface: "eth0", tap: "tap0_kata", queuePairs: 1, rates };
      const [tap = -1] = await model.join(join);
      try {
        drain(tap);
        let received = 0;
        sendFromHost(() => (received += drain(tap)));
        const before = hostReceived();
        const bytes = Buffer.concat([Buffer.alloc(headerBytes), frame(mac(1, 2), mac(1, 1))]);
        for (let sent = 0; sent < frames; sent++) writeSync(tap, bytes);
        return { received, transmitted: hostReceived() - before };
      } finally {
        closeSync(tap);
        await model.part(join);
      }
    };

    it(`let through what they say in the direction they are for, and drop the rest, by ${name}`, async () => {
      const free = await through({});
      expect(free.received).to.be.at.least(most);
      expect(free.transmitted).to.be.at.least(most);
      for (const [limited, other] of [
        ["receive", "transmitted"],
        ["transmit", "received"],
      ] as const) {
        const { received, transmitted } = await through({ [limited]: rate });
        const [few, all] = limited === "receive" ? [received, transmitted] : [transmitted, received];
        expect(few, `with a limit for ${limited}`).to.be.within(10, frames / 5);
        expect(all, `${other} with a limit for ${limited}`).to.be.at.least(most);
      }
      const both = await through({ receive: rate, transmit: rate });
      expect(both.received).to.be.within(10, frames / 5);
      expect(both.transmitted).to.be.within(10, frames / 5);
    });
  }
});

/** `sockaddr_ll` of a link, packet(7). */
function packetAddress(index: number): Uint8Array {
  const bytes = Buffer.alloc(20);
  bytes.writeUInt16LE(SocketFamily.packet, 0);
  bytes.writeInt32LE(index, 4);
  return bytes;
}
