import { expect } from "chai";
import fc from "fast-check";
import { KataError } from "../../../../../src/core/errors/error.js";
import { encodeAddress, parseAddress } from "../../../../../src/core/sys/netlink/address-codec.js";
import { AttributeWriter, Attributes } from "../../../../../src/core/sys/netlink/attributes.js";
import { formatHardwareAddress, parseHardwareAddress } from "../../../../../src/core/sys/netlink/hardware-address.js";
import { formatIpAddress, networkOf, parseIpAddress } from "../../../../../src/core/sys/netlink/ip-address.js";
import { encodeNewLink, parseLink } from "../../../../../src/core/sys/netlink/link-codec.js";
import {
  encodeMessage,
  messagesOf,
  type NetlinkMessage,
  parseAcknowledgement,
} from "../../../../../src/core/sys/netlink/message.js";
import { encodeNeighbor, parseNeighbor } from "../../../../../src/core/sys/netlink/neighbor-codec.js";
import { encodeNewRoute, parseRoute } from "../../../../../src/core/sys/netlink/route-codec.js";
import {
  encodeNewFilter,
  encodeNewQdisc,
  parseFilter,
  parseQdisc,
} from "../../../../../src/core/sys/netlink/traffic-control-codec.js";

/** Every parser of something the kernel answers. */
const parsers: readonly ((payload: Buffer) => unknown)[] = [
  parseLink,
  parseAddress,
  parseRoute,
  parseNeighbor,
  parseQdisc,
  parseFilter,
  (payload) => Attributes.parse(payload),
];

function readAll(datagram: Uint8Array): void {
  for (const message of messagesOf(datagram)) {
    for (const parse of [...parsers, (payload: Buffer) => parseAcknowledgement({ ...message, payload })]) {
      tolerate(() => parse(message.payload));
    }
  }
}

/** Runs what may refuse its input, but in no other way than by the one error. */
function tolerate(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof KataError) || error.code !== "KATA_NETLINK_BROKEN") throw error;
  }
}

const message = (payload: Uint8Array, flags = 0x200): NetlinkMessage => ({
  type: 2,
  flags,
  sequence: 1,
  payload: Buffer.from(payload),
});

describe("netlink", () => {
  describe("bytes nobody vouches for", () => {
    const genuine = [
      encodeNewLink({ name: "eth0" }, { kind: "veth", peer: { name: "peer" } }),
      encodeNewLink({ name: "m" }, { kind: "macvlan", parent: 3, mode: "bridge" }),
      encodeNewLink({ name: "v" }, { kind: "vlan", parent: 3, id: 7 }),
      encodeNewLink({ name: "i" }, { kind: "ipvlan", parent: 3, mode: "l3" }),
      encodeAddress({ family: "ipv6", link: 2, address: "fd00::1", prefix: 64, flags: 0x102 }),
      encodeNeighbor({
        family: "ipv4",
        link: 2,
        address: "10.0.0.1",
        hardwareAddress: "02:00:00:00:00:01",
        state: 0x80,
        flags: 0,
      }),
      encodeNewRoute({ family: "ipv4", link: 2, gateway: "10.0.0.1", mtu: 1400 }),
      encodeNewQdisc({ link: 2, kind: "tbf", tokenBucket: { rate: 1e6, burst: 1e4, limit: 1e5 } }),
      encodeNewFilter({
        link: 2,
        parent: 1,
        kind: "u32",
        mirred: { mode: "redirect", direction: "egress", link: 3 },
      }),
      encodeNewFilter({
        link: 2,
        parent: 1,
        kind: "matchall",
        mirred: { mode: "mirror", direction: "ingress", link: 3 },
      }),
    ].map((payload) => encodeMessage({ type: 16, flags: 0x202, sequence: 7, payload }));

    it("are read or refused, and never run past the end (60,000 cases of noise)", function () {
      this.timeout(120_000);
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 256 }), (bytes) => {
          tolerate(() => readAll(bytes));
          for (const parse of parsers) tolerate(() => parse(Buffer.from(bytes)));
        }),
        { numRuns: 60_000 },
      );
    });

    it("are read or refused when they are genuine but for a few (60,000 cases)", function () {
      this.timeout(120_000);
      const change = fc.record({ at: fc.nat(300), value: fc.nat(255) });
      const edit = fc.record({
        base: fc.constantFrom(...genuine),
        changes: fc.array(change, { maxLength: 6 }),
        cut: fc.nat(300),
      });
      fc.assert(
        fc.property(edit, ({ base, changes, cut }) => {
          const bytes = Buffer.from(base.subarray(0, Math.max(1, base.length - (cut % base.length))));
          for (const { at, value } of changes) bytes[at % bytes.length] = value;
          tolerate(() => readAll(bytes));
        }),
        { numRuns: 60_000 },
      );
    });
  });

  describe("messages", () => {
    it("are found one behind the other, each with its padding", () => {
      const many = fc.array(
        fc.record({ type: fc.nat(0xffff), sequence: fc.nat(0xffffffff), payload: fc.uint8Array() }),
      );
      fc.assert(
        fc.property(many, (wanted) => {
          const all = Buffer.concat(wanted.map((one) => encodeMessage({ ...one, flags: 1 })));
          const found = [...messagesOf(all)];
          expect(found.map(({ type, sequence }) => ({ type, sequence }))).to.deep.equal(
            wanted.map(({ type, sequence }) => ({ type, sequence })),
          );
          for (const [index, { payload }] of found.entries()) {
            expect([...payload]).to.deep.equal([...(wanted[index]?.payload ?? [])]);
          }
        }),
      );
    });

    it("that are cut short are refused", () => {
      const whole = encodeMessage({ type: 16, flags: 0, sequence: 1, payload: new Uint8Array(20) });
      for (let length = 1; length < whole.length; length++) {
        expect(() => [...messagesOf(whole.subarray(0, length))])
          .to.throw()
          .with.property("code", "KATA_NETLINK_BROKEN");
      }
    });

    it("say why a request was refused, in the kernel's words", () => {
      const error = Buffer.alloc(4);
      error.writeInt32LE(-17);
      const words = new AttributeWriter().text(1, "Exclusivity flag on, cannot modify").finish();
      const payload = Buffer.concat([error, Buffer.alloc(16), words]);
      expect(parseAcknowledgement(message(payload, 0x300))).to.deep.equal({
        errno: 17,
        text: "Exclusivity flag on, cannot modify",
      });
      expect(parseAcknowledgement(message(Buffer.alloc(20), 0x100))).to.deep.equal({ errno: 0 });
    });
  });

  describe("attributes", () => {
    it("come back as they were written", () => {
      const attributes = Attributes.parse(
        new AttributeWriter()
          .u8(1, 200)
          .u16(2, 60_000)
          .u32(3, 4_000_000_000)
          .u64(4, 2n ** 60n)
          .text(5, "eth0")
          .nested(6, (inner) => inner.u32(1, 42))
          .finish(),
      );
      expect(attributes.u8(1)).to.equal(200);
      expect(attributes.u16(2)).to.equal(60_000);
      expect(attributes.u32(3)).to.equal(4_000_000_000);
      expect(attributes.u64(4)).to.equal(2n ** 60n);
      expect(attributes.text(5)).to.equal("eth0");
      expect(attributes.nested(6)?.u32(1)).to.equal(42);
      expect(attributes.u32(7)).to.equal(undefined);
    });

    it("that are too short for what they should be are refused", () => {
      const attributes = Attributes.parse(new AttributeWriter().u16(1, 5).finish());
      expect(() => attributes.u32(1))
        .to.throw()
        .with.property("code", "KATA_NETLINK_BROKEN");
    });
  });

  describe("addresses", () => {
    it("of IPv4 and IPv6 come back in their usual form", () => {
      fc.assert(
        fc.property(fc.ipV4(), (text) => {
          expect(formatIpAddress("ipv4", parseIpAddress("ipv4", text))).to.equal(text);
        }),
      );
      fc.assert(
        fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
          expect([...parseIpAddress("ipv6", formatIpAddress("ipv6", bytes))]).to.deep.equal([...bytes]);
        }),
      );
      fc.assert(
        fc.property(fc.ipV6(), (text) => {
          const usual = formatIpAddress("ipv6", parseIpAddress("ipv6", text));
          const url = new URL(`http://[${text}]/`).hostname.slice(1, -1);
          expect([...parseIpAddress("ipv6", usual)]).to.deep.equal([...parseIpAddress("ipv6", url)]);
        }),
      );
    });

    it("of IPv6 are shortened as RFC 5952 says", () => {
      const usual = (text: string) => formatIpAddress("ipv6", parseIpAddress("ipv6", text));
      expect(usual("2001:DB8:0:0:1:0:0:1")).to.equal("2001:db8::1:0:0:1");
      expect(usual("2001:db8:0:1:1:1:1:1")).to.equal("2001:db8:0:1:1:1:1:1");
      expect(usual("0:0:0:0:0:0:0:0")).to.equal("::");
      expect(usual("::ffff:10.0.0.1")).to.equal("::ffff:10.0.0.1");
      expect(usual("fe80::1")).to.equal("fe80::1");
    });

    it("have a network", () => {
      expect(networkOf("ipv4", "10.88.3.7", 16)).to.equal("10.88.0.0");
      expect(networkOf("ipv4", "10.88.3.7", 29)).to.equal("10.88.3.0");
      expect(networkOf("ipv4", "10.88.3.7", 32)).to.equal("10.88.3.7");
      expect(networkOf("ipv4", "10.88.3.7", 0)).to.equal("0.0.0.0");
      expect(networkOf("ipv6", "fd88::1:2:3:4", 64)).to.equal("fd88::");
      expect(networkOf("ipv6", "fd88:0:0:ffff::1", 52)).to.equal("fd88:0:0:f000::");
    });

    it("of hardware have six bytes", () => {
      expect(formatHardwareAddress(parseHardwareAddress("02:AB:00:00:00:01"))).to.equal("02:ab:00:00:00:01");
      for (const bad of ["", "02:00:00:00:00", "02:00:00:00:00:00:00", "02-00-00-00-00-00", "02:00:00:00:00:0g"]) {
        expect(() => parseHardwareAddress(bad), bad)
          .to.throw()
          .with.property("code", "KATA_NETLINK_VALUE");
      }
    });
  });
});
