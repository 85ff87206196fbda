import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { findCard } from "../../../../../guest/agent/network/find-card.js";
import type { Rtnetlink } from "../../../../../src/core/sys/netlink.js";
import { type Link, LinkFlag } from "../../../../../src/core/sys/netlink/link.js";

const link = (index: number, name: string, change: Partial<Link> = {}): Link => ({
  index,
  name,
  hardwareType: 1,
  flags: 0,
  mtu: 1500,
  hardwareAddress: `02:00:00:00:00:0${index}`,
  parentElsewhere: false,
  transmitQueues: 1,
  details: {},
  ...change,
});

describe("a network card of the guest", () => {
  let sys: string;

  beforeEach(() => {
    sys = mkdtempSync(join(tmpdir(), "find-card-"));
  });

  afterEach(() => rmSync(sys, { recursive: true }));

  const links = [
    link(1, "lo", { hardwareAddress: "00:00:00:00:00:00", flags: LinkFlag.loopback }),
    link(2, "mv0", { kind: "macvlan", hardwareAddress: "02:00:00:00:00:03" }),
    link(3, "eth0"),
    link(4, "eth1", { hardwareAddress: "02:00:00:00:00:0a" }),
  ];

  const find = (hwAddr: string, devicePath = ""): string | undefined => {
    const route = { links: () => links, link: (name) => links.find((one) => one.name === name) } as Pick<
      Rtnetlink,
      "links" | "link"
    >;
    return findCard({ sys }, route, { hwAddr, devicePath })?.name;
  };

  const plug = (...path: string[]): void =>
    void mkdirSync(join(sys, "devices/pci0000:00", ...path), { recursive: true });

  it("is found by its hardware address, however that is written", () => {
    for (const text of ["02:00:00:00:00:0a", "02:00:00:00:00:0A"]) expect(find(text)).to.equal("eth1");
    expect(find("02:00:00:00:00:0b")).to.equal(undefined);
  });

  it("is no link that stands on it, and not the loopback", () => {
    expect(find("02:00:00:00:00:03")).to.equal("eth0");
    expect(find("00:00:00:00:00:00")).to.equal(undefined);
  });

  it("is found by its slot, behind bridges, as a virtio device or one of its own", () => {
    plug("0000:00:02.0", "virtio1", "net", "eth0");
    plug("0000:00:1e.0", "pci_bus", "0000:01");
    plug("0000:00:1e.0", "0000:01:03.1", "net", "eth1");
    expect(find("", "02")).to.equal("eth0");
    expect(find("", "1e/03.1")).to.equal("eth1");
    expect(find("02:00:00:00:00:0a", "03")).to.equal(undefined);
    expect(find("02:00:00:00:00:0a", "1e/04")).to.equal(undefined);
  });
});
