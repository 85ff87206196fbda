import { expect } from "chai";
import * as fc from "fast-check";
import type { DanFile } from "../../../../../src/core/network/dan/dan-file.js";
import { codeOf, KataError, messageOf } from "../../../../../src/core/errors/error.js";
import { parseDan } from "../../../../../src/core/network/dan/parse-dan.js";
import { danText, served, tapped, type Written, written } from "./dan-texts.js";

const file = "/dans/pod.json";
const parse = (text: string): DanFile => parseDan(text, file);

/** Code and message of what a text is refused with. */
function refusal(text: string): string {
  try {
    parse(text);
  } catch (error) {
    return `${codeOf(error)} ${messageOf(error)}`;
  }
  throw new Error(`it was not refused: ${text}`);
}

describe("a DAN file", () => {
  it("is what Kata's CNI plugins write", () => {
    const device = {
      name: "eth0",
      guest_mac: "02:0A:00:00:00:01",
      device: { type: "vhost-user", path: "/tmp/test", queue_num: 2, queue_size: 512 },
      network_info: {
        interface: { ip_addresses: ["192.168.0.1/24", "FD00::0001/64"], mtu: 1450, ntype: "tuntap", flags: 128 },
        routes: [
          { dest: "172.18.0.0/16", source: "192.168.0.1", gateway: "192.168.0.254", scope: 0, flags: 4, mtu: 1400 },
          { gateway: "fd00::fe" },
        ],
        neighbors: [
          { ip_address: "192.168.0.3/16", device: "", state: 0, flags: 0, hardware_addr: "02:00:00:00:00:03" },
          { ip_address: "fd00::3", hardware_addr: "02:00:00:00:00:03", state: 2 },
        ],
      },
    };
    expect(parse(JSON.stringify({ netns: "/run/netns/x", devices: [device] }))).to.deep.equal({
      netns: "/run/netns/x",
      devices: [
        {
          name: "eth0",
          backend: { type: "vhost-user", socket: "/tmp/test" },
          card: { queuePairs: 2, queueSize: 512, hardwareAddress: "02:0a:00:00:00:01" },
          addresses: [
            { family: "ipv4", address: "192.168.0.1", prefix: 24 },
            { family: "ipv6", address: "fd00::1", prefix: 64 },
          ],
          mtu: 1450,
          type: "tuntap",
          flags: 128,
          routes: [
            {
              destination: "172.18.0.0/16",
              gateway: "192.168.0.254",
              device: "eth0",
              source: "192.168.0.1",
              scope: 0,
              family: "ipv4",
              flags: 4,
              mtu: 1400,
            },
            { destination: "", gateway: "fd00::fe", device: "eth0", scope: 0, family: "ipv6", flags: 0 },
          ],
          neighbors: [
            {
              address: { family: "ipv4", address: "192.168.0.3", prefix: 16 },
              device: "eth0",
              hardwareAddress: "02:00:00:00:00:03",
              state: 0x80,
              flags: 0,
            },
            {
              address: { family: "ipv6", address: "fd00::3", prefix: 128 },
              device: "eth0",
              hardwareAddress: "02:00:00:00:00:03",
              state: 2,
              flags: 0,
            },
          ],
        },
      ],
    });
  });

  it("leaves out what has a usual value, also by null", () => {
    const expected = {
      name: "eth0",
      backend: { type: "host-tap", tap: "tap0" },
      card: {},
      addresses: [{ family: "ipv4", address: "10.0.0.2", prefix: 24 }],
      mtu: 1500,
      flags: 0,
      routes: [],
      neighbors: [],
    };
    expect(parse(danText(tapped()))).to.deep.equal({ devices: [expected] });
    const nulls = { interface: { ...written(), ntype: "", mtu: null }, routes: null, neighbors: null };
    const device = { type: "host-tap", tap_name: "tap0", queue_num: 0, queue_size: 0 };
    const text = JSON.stringify({ netns: null, devices: [tapped({ device, network_info: nulls })] });
    expect(parse(text)).to.deep.equal({ devices: [expected] });
    expect(parse('{"devices": []}')).to.deep.equal({ devices: [] });
  });

  it("has a default route by an empty destination, or by one of no bits", () => {
    const routes = [{ dest: "", gateway: "10.0.0.1" }, { dest: "0.0.0.0/0", gateway: "10.0.0.1" }, { dest: "::/0" }];
    const [device] = parse(danText(tapped({}, { routes }))).devices;
    expect(device?.routes.map(({ destination, family }) => [destination, family])).to.deep.equal([
      ["", "ipv4"],
      ["", "ipv4"],
      ["", "ipv6"],
    ]);
  });

  const onDevice = (more: Written) => danText(served(more));
  const onBackend = (more: Written) => onDevice({ device: { type: "vhost-user", path: "/s", ...more } });
  const onInterface = (more: Written) => onDevice({ network_info: { interface: written(more) } });
  const onNetwork = (more: Written) => danText(served({}, more));
  const onRoute = (route: unknown) => onNetwork({ routes: [route] });
  const onNeighbor = (more: Written) =>
    onNetwork({ neighbors: [{ ip_address: "10.0.0.3", hardware_addr: "02:00:00:00:00:03", ...more }] });

  const field = /^KATA_DAN_FIELD \/dans\/pod\.json: /;
  const wrong: readonly (readonly [what: string, text: string, says: RegExp])[] = [
    ["is no JSON", "{", /^KATA_DAN_SYNTAX \/dans\/pod\.json: not JSON/],
    ["is a list", "[]", /the whole is a list; it takes an object/],
    ["has no devices", "{}", /the whole has no devices, which it needs/],
    ["has devices that are no list", '{"devices": {}}', /devices is an object; it takes a list/],
    ["has a relative netns", '{"netns": "netns", "devices": []}', /netns is "netns"; it takes an absolute path/],
    ["has a device that is none", danText(7), /devices\[0\] is 7; it takes an object/],
    ["has a nameless device", onDevice({ name: null }), /devices\[0\] has no name, which it needs/],
    ["has a name that is too long", onDevice({ name: "ethernet01234567" }), /devices\[0\]\.name is .* 1 to 15 bytes/],
    ["has a name that is a path", onDevice({ name: "../eth0" }), /devices\[0\]\.name/],
    ["calls a device lo", onDevice({ name: "lo" }), /devices\[0\]\.name is "lo", which is the loopback/],
    ["has a short MAC", onDevice({ guest_mac: "02:00:00:00:01" }), /guest_mac is "02:00:00:00:01"; it takes six bytes/],
    ["has a multicast MAC", onDevice({ guest_mac: "01:00:5e:00:00:01" }), /guest_mac .* is a multicast address/],
    ["has a MAC of zeros", onDevice({ guest_mac: "00:00:00:00:00:00" }), /guest_mac .* nobody's/],
    ["has a type nobody knows", onBackend({ type: "vfio" }), /device\.type is "vfio"; .*: "vhost-user", "host-tap"/],
    ["has no type", onDevice({ device: {} }), /devices\[0\]\.device has no type/],
    ["has a relative socket", onBackend({ path: "s.sock" }), /device\.path is "s\.sock"; it takes an absolute path/],
    [
      "has a socket that is too long",
      onBackend({ path: `/${"x".repeat(107)}` }),
      /device\.path is .* 107 bytes at most/,
    ],
    ["has no socket", onDevice({ device: { type: "vhost-user" } }), /devices\[0\]\.device has no path/],
    ["has a socket for a tap", onDevice({ device: { type: "host-tap", path: "/s" } }), /path is .* takes tap_name/],
    ["has too many queues", onBackend({ queue_num: 257 }), /queue_num is 257; it takes a whole number from 0 to 256/],
    ["has an odd queue size", onBackend({ queue_size: 300 }), /queue_size is 300; it takes a power of two/],
    [
      "has an MTU that is too small",
      onInterface({ mtu: 67 }),
      /network_info\.interface\.mtu is 67; .* 68 to 65535 bytes/,
    ],
    ["has an MTU that is too large", onInterface({ mtu: 65536 }), /interface\.mtu is 65536/],
    ["has an MTU that is a text", onInterface({ mtu: "1500" }), /interface\.mtu is "1500"/],
    ["has no prefix", onInterface({ ip_addresses: ["10.0.0.2"] }), /ip_addresses\[0\] is "10\.0\.0\.2"; .* prefix/],
    [
      "has a prefix that is too long",
      onInterface({ ip_addresses: ["10.0.0.2/33"] }),
      /ip_addresses\[0\] .* 0 to 32 bits/,
    ],
    ["has two prefixes", onInterface({ ip_addresses: ["10.0.0.2/24/1"] }), /ip_addresses\[0\]/],
    ["has no address", onInterface({ ip_addresses: ["eth0/24"] }), /ip_addresses\[0\] .* IPv4 or IPv6 address/],
    ["has a zone", onInterface({ ip_addresses: ["fe80::1%eth0/64"] }), /ip_addresses\[0\] .* IPv4 or IPv6 address/],
    ["has a loopback's address", onInterface({ ip_addresses: ["::1/128"] }), /ip_addresses\[0\] .* of the loopback/],
    ["has a group's address", onInterface({ ip_addresses: ["ff02::1/64"] }), /ip_addresses\[0\] .* no link can have/],
    ["has an empty route", onRoute({ dest: "" }), /routes\[0\] is an object without dest, gateway and source/],
    ["has a host for a network", onRoute({ dest: "10.1.2.3/16" }), /routes\[0\]\.dest .* the network 10\.1\.0\.0\/16/],
    [
      "mixes families",
      onRoute({ dest: "10.1.0.0/16", gateway: "fd00::1" }),
      /gateway .*routes\[0\]\.dest is of another/,
    ],
    ["has a scope of nothing", onRoute({ gateway: "10.0.0.1", scope: 256 }), /routes\[0\]\.scope is 256/],
    ["has half flags", onRoute({ gateway: "10.0.0.1", flags: 0.5 }), /routes\[0\]\.flags is 0\.5/],
    ["has a neighbour without a MAC", onNeighbor({ hardware_addr: "" }), /neighbors\[0\]\.hardware_addr is ""/],
    ["has a neighbour of another", onNeighbor({ device: "eth1" }), /neighbors\[0\]\.device is "eth1", .* is "eth0"/],
    ["has a neighbour without address", onNeighbor({ ip_address: null }), /neighbors\[0\] has no ip_address/],
  ];
  for (const [what, text, says] of wrong) {
    it(`is refused with the place that is wrong when it ${what}`, () => {
      const said = refusal(text);
      expect(said).to.match(says);
      if (!said.startsWith("KATA_DAN_SYNTAX")) expect(said).to.match(field);
    });
  }

  it("is refused with the keys there are when it has another one", () => {
    expect(refusal(onDevice({ guestmac: "x" }))).to.match(
      /^KATA_DAN_UNKNOWN_KEY .*no key devices\[0\]\.guestmac; .*: name, guest_mac, device, network_info; did you mean "guest_mac"\?/,
    );
    expect(refusal('{"devices": [], "__proto__": {}}')).to.match(/^KATA_DAN_UNKNOWN_KEY .*no key __proto__;/);
    expect(refusal(onDevice({ "a\nb": 1 }))).to.include('no key devices[0]."a\\nb";');
    expect(refusal(onNetwork({ Neighbors: [] }))).to.match(/no key devices\[0\]\.network_info\.Neighbors/);
  });

  it("is refused when two of its devices have the same name, MAC, address, socket or tap", () => {
    const other = {
      name: "eth1",
      guest_mac: "02:00:00:00:00:02",
      device: { type: "vhost-user", path: "/other" },
      network_info: { interface: { ip_addresses: ["10.0.0.3/24"] } },
    };
    expect(parse(danText(served(), other)).devices).to.have.length(2);
    const same = (more: Written) => refusal(danText(served(), { ...other, ...more }));
    expect(same({ name: "eth0" })).to.match(/devices\[1\]\.name is "eth0", and devices\[0\]\.name is the same name/);
    expect(same({ guest_mac: "02:00:00:00:00:01" })).to.match(/devices\[1\]\.guest_mac .* the same hardware address/);
    expect(same({ device: { type: "vhost-user", path: "/run/vhost.sock" } })).to.match(/the same socket/);
    expect(same({ network_info: { interface: { ip_addresses: ["10.0.0.2/8"] } } })).to.match(
      /devices\[1\]\.network_info\.interface\.ip_addresses\[0\] .* devices\[0\].* the same address/,
    );
    expect(refusal(danText(tapped(), tapped({ name: "eth1", network_info: other.network_info })))).to.match(
      /devices\[1\]\.device\.tap_name is "tap0", .* the same tap/,
    );
  });

  /** Texts, numbers and objects that a field of a file may be mistaken for. */
  const odd = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom(
      "10.0.0.2/24",
      "::",
      "1e3",
      "02:00:00:00:00:01",
      "/x",
      "lo",
      "\0",
      "x".repeat(200),
      -1,
      2 ** 53,
      1e308,
    ),
  );
  const full = (): Written =>
    served(
      { device: { type: "vhost-user", path: "/s", queue_num: 1, queue_size: 256 } },
      {
        routes: [{ dest: "10.1.0.0/16", gateway: "10.0.0.1", source: "10.0.0.2", scope: 0, flags: 0, mtu: 0 }],
        neighbors: [{ ip_address: "10.0.0.3", hardware_addr: "02:00:00:00:00:03", state: 128, flags: 0 }],
      },
    );

  /** Puts a value somewhere into a tree: each step picks an entry of it. */
  function mutate(tree: unknown, steps: readonly number[], value: unknown): unknown {
    const [step, ...rest] = steps;
    if (step === undefined || typeof tree !== "object" || tree === null) return value;
    const keys = Object.keys(tree);
    const key = keys[step % Math.max(1, keys.length)] ?? "new";
    const entry = mutate((tree as Written)[key], rest, value);
    if (Array.isArray(tree)) return tree.with(Math.min(Number(key) || 0, Math.max(0, tree.length - 1)), entry);
    return { ...tree, [key]: entry };
  }

  const onlyKataErrors = (text: string): void => {
    try {
      parse(text);
    } catch (error) {
      if (!(error instanceof KataError)) throw error;
      expect(error.code).to.match(/^KATA_DAN_/);
      expect(error.message).to.include(file).and.to.have.length.below(1000);
    }
  };

  it("is read or refused, whatever one value of it is", () => {
    const steps = fc.array(fc.nat(20), { minLength: 1, maxLength: 7 });
    const property = fc.property(steps, odd, (where, value) => {
      onlyKataErrors(
        JSON.stringify(mutate({ netns: "/n", devices: [full(), tapped({ name: "eth1" })] }, where, value)),
      );
    });
    fc.assert(property, { numRuns: 5000 });
  });

  it("is read or refused, whatever text or JSON it is", () => {
    fc.assert(fc.property(fc.string(), onlyKataErrors), { numRuns: 2000 });
    fc.assert(fc.property(fc.json(), onlyKataErrors), { numRuns: 2000 });
    const cut = fc.property(fc.nat(), fc.string({ maxLength: 3 }), (at, text) => {
      const whole = danText(full());
      onlyKataErrors(whole.slice(0, at % whole.length) + text);
      onlyKataErrors(whole.slice(0, at % whole.length) + text + whole.slice((at % whole.length) + 1));
    });
    fc.assert(cut, { numRuns: 2000 });
    onlyKataErrors(`${"[".repeat(100_000)}${"]".repeat(100_000)}`);
    onlyKataErrors(danText("deep").replace('"deep"', `${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`));
  });

  it("has every address that it is given, as the kernel writes it", () => {
    const addresses = fc.tuple(
      fc.tuple(
        fc.ipV4().filter((text) => !/^(?:127|0|22[4-9]|2[3-5]\d)\./.test(text)),
        fc.nat(32),
      ),
      fc.tuple(
        fc.ipV6().filter((text) => !/^(?:ff|:|0)/i.test(text)),
        fc.nat(128),
      ),
    );
    const property = fc.property(addresses, fc.integer({ min: 68, max: 65_535 }), (own, mtu) => {
      const ip_addresses = own.map(([text, prefix]) => `${text}/${prefix}`);
      const [device] = parse(danText(served({ network_info: { interface: { ip_addresses, mtu } } }))).devices;
      expect(device?.mtu).to.equal(mtu);
      expect(device?.addresses.map(({ prefix }) => prefix)).to.deep.equal(own.map(([, prefix]) => prefix));
    });
    fc.assert(property, { numRuns: 1000 });
  });
});
