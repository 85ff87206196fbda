import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { AgentCapabilities } from "../../../../src/core/contracts/agent.js";
import { describeError, KataError } from "../../../../src/core/errors/error.js";
import { findExecutable } from "../../../../src/core/process/find-executable.js";
import { defaultRoots } from "../../../../src/core/runtime/roots.js";
import { expectNoLeaks } from "../../../support/leaks.js";
import { skip } from "../../../support/skip.js";
import { mac, TestPod } from "../../../support/test-pod.js";
import { needsRoot } from "../../sys/fixture.js";
import { BootedGuest } from "./booted-guest.js";

const { guestCache } = defaultRoots;

describe("the network of a booted guest", () => {
  let pod: TestPod | undefined;
  let guest: BootedGuest | undefined;
  let network: AgentCapabilities["network"];

  before("boot a guest", async function () {
    needsRoot(this);
    if (findExecutable("qemu-system-x86_64") === undefined) skip(this, "QEMU is not installed (qemu-system-x86)");
    if (!existsSync(join(guestCache, "current")))
      skip(this, `no guest is built in ${guestCache} (kata-ts guest build)`);
    pod = new TestPod();
    const link = pod.index("eth0");
    pod.route.changeLink(link, { mtu: 1400 });
    pod.route.addRoute({ family: "ipv4", link, gateway: "10.1.1.1" });
    pod.route.addRoute({ family: "ipv6", link, gateway: "fd01:1::1" });
    guest = await BootedGuest.boot(pod);
    const found = guest.agent.capability("network");
    if (found === undefined) throw new Error("the agent has no network");
    network = found;
  });

  after("end it", async () => {
    await guest?.close();
    pod?.close();
    await expectNoLeaks(new Set(), { marks: [guest?.id ?? "", pod?.directory ?? ""] });
  });

  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

  /** Whether the guest answers a packet of the host. */
  const answers = (target: string): boolean => {
    if (pod === undefined) throw new Error("there is no pod");
    const script = `busybox ping -c 3 -W 3 ${target} >/dev/null && echo yes || echo no`;
    return pod.run("sh", ["-c", script], pod.host) === "yes\n";
  };

  it("is listed as the pod has it", async () => {
    const found = await network.listInterfaces();
    const card = found.find(({ name }) => name === "eth0");
    expect(card).to.deep.include({ mtu: 1400, hardwareAddress: mac(1, 2) });
    expect(card?.addresses).to.deep.include.members([
      { family: "ipv4", address: "10.1.1.2", prefix: 24 },
      { family: "ipv6", address: "fd01:1::2", prefix: 64 },
    ]);
    expect(found.map(({ name }) => name)).to.have.members(["lo", "eth0"]);
    const routes = (await network.listRoutes()).map(({ destination, gateway }) => `${destination} ${gateway}`);
    expect(routes).to.include.members([" 10.1.1.1", " fd01:1::1"]);
  });

  for (const { ipv6, target, icmp } of [
    { ipv6: false, target: "10.1.1.2", icmp: "icmp" },
    { ipv6: true, target: "fd01:1::2", icmp: "ipv6-icmp --icmpv6-type echo-request" },
  ]) {
    it(`drops what a rule of ${ipv6 ? "ip6tables" : "iptables"} says, until it is gone`, async () => {
      const rules = (...lines: string[]) =>
        Buffer.from(["*filter", ":INPUT ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]", ...lines, "COMMIT", ""].join("\n"));
      expect(answers(target)).to.equal(true);
      const input = "-A INPUT -i eth0 -m conntrack --ctstate NEW -m comment --comment dropped";
      await network.setIpTables(ipv6, rules(`${input} -p ${icmp} -j DROP`));
      expect(answers(target)).to.equal(false);
      const read = text(await network.getIpTables(ipv6));
      expect(read)
        .to.contain("*filter")
        .and.match(/-A INPUT -i eth0 .*--comment dropped.* -j DROP/);
      await network.setIpTables(ipv6, rules());
      expect(text(await network.getIpTables(ipv6))).to.not.contain("DROP");
      expect(answers(target)).to.equal(true);
    });
  }

  it("takes the rules back that it told, of every table, with the extensions of a cluster's node", async () => {
    const lines = [
      "*nat",
      ":KATA-SERVICES - [0:0]",
      "-A PREROUTING -j KATA-SERVICES",
      "-A KATA-SERVICES -d 10.96.0.1/32 -p tcp -m tcp --dport 443 -m statistic --mode random --probability 0.5 -j DNAT --to-destination 10.1.1.1:6443",
      "-A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE",
      "-A OUTPUT -p tcp -m multiport --dports 80,8080 -m owner --uid-owner 1337 -j REDIRECT --to-ports 15001",
      "COMMIT",
      "*mangle",
      "-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
      "COMMIT",
      "*raw",
      "-A PREROUTING -p udp -m udp --dport 53 -j CT --notrack",
      "COMMIT",
      "*filter",
      "-A FORWARD -m limit --limit 5/min -j LOG --log-prefix dropped",
      "-A FORWARD -m addrtype --dst-type LOCAL -j REJECT --reject-with icmp-port-unreachable",
      "COMMIT",
      "",
    ];
    await network.setIpTables(false, Buffer.from(lines.join("\n")));
    const told = await network.getIpTables(false);
    for (const word of ["DNAT", "MASQUERADE", "REDIRECT", "TCPMSS", "CT --notrack", "LOG", "REJECT"]) {
      expect(text(told)).to.contain(word);
    }
    await network.setIpTables(false, told);
    const counted = (rules: Uint8Array) => text(rules).replaceAll(/^#.*\n|\[\d+:\d+\]/gm, "");
    expect(counted(await network.getIpTables(false))).to.equal(counted(told));
    const tables = ["nat", "mangle", "raw", "filter"].map((table) => `*${table}\nCOMMIT\n`);
    await network.setIpTables(false, Buffer.from(tables.join("")));
    expect(text(await network.getIpTables(false))).to.not.match(/^-A/m);
  });

  it("refuses rules that are none, with the reason, and keeps those it has", async () => {
    await network.setIpTables(false, Buffer.from("*filter\n-A INPUT -s 192.0.2.1/32 -j DROP\nCOMMIT\n"));
    const bad = Buffer.from("*filter\n-A INPUT -s 192.0.2.2/32 -j NOWHERE\nCOMMIT\n");
    const error: unknown = await network.setIpTables(false, bad).catch((cause: unknown) => cause);
    expect(error instanceof KataError && error.status).to.equal("INVALID_ARGUMENT");
    expect(describeError(error)).to.match(/iptables-restore refuses the rules: .*NOWHERE/);
    const read = text(await network.getIpTables(false));
    expect(read).to.contain("192.0.2.1").and.not.contain("192.0.2.2");
  });
});
