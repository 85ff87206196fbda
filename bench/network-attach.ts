import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EndpointRequest, LinkInfo } from "../src/core/contracts/endpoint.js";
import { silentLogger } from "../src/core/log.js";
import { JoinedEndpoint } from "../src/core/network/joined-endpoint.js";
import { scanPod } from "../src/core/network/scan.js";
import { TcFilter } from "../src/plugins/endpoints/network-models/tcfilter/tc-filter.js";
import { TestPod } from "../test/support/test-pod.js";
import type { Row } from "./row.js";
import { inTurns, median } from "./turns.js";

const rounds = 31;

/** What `ip -batch` and `tc -batch` are given to do what an endpoint with tcfilter does. */
const ipBatch = ["tuntap add dev tap9 mode tap", "link set dev tap9 mtu 1500 up"];
const tcBatch = [
  "qdisc add dev tap9 ingress",
  "filter add dev tap9 parent ffff: protocol all u32 match u32 0 0 action mirred egress redirect dev eth0",
  "qdisc add dev eth0 ingress",
  "filter add dev eth0 parent ffff: protocol all u32 match u32 0 0 action mirred egress redirect dev tap9",
];

/** Finds the pod's link and joins it with a tap, on the host; undone outside of the measured time. */
async function ownTime(pod: TestPod): Promise<number> {
  const model = new TcFilter({ sys: pod.sys, log: silentLogger, record: pod.record });
  const { namespace } = pod;
  const begin = performance.now();
  const route = pod.sys.netlink.route(namespace);
  const [link] = scanPod(route, namespace).links;
  route.close();
  const endpoint = new JoinedEndpoint(requestFor(link, namespace, model));
  await endpoint.prepare();
  const ms = performance.now() - begin;
  await endpoint.cleanup();
  return ms;
}

function requestFor(link: LinkInfo | undefined, namespace: string, model: TcFilter): EndpointRequest {
  if (link === undefined) throw new Error("the pod has no link");
  return { link, namespace, model, index: 0, queuePairs: 1, queueSize: 256, vhost: false, rates: {} };
}

/** The same by the programs of iproute2, each started once. */
function programsTime(pod: TestPod, files: { readonly ip: string; readonly tc: string }): number {
  const begin = performance.now();
  pod.sys.namespaces.inNetworkNamespace(pod.namespace, () => {
    execFileSync("ip", ["-batch", files.ip]);
    execFileSync("tc", ["-batch", files.tc]);
  });
  const ms = performance.now() - begin;
  pod.run("tc", ["qdisc", "del", "dev", "eth0", "ingress"]);
  pod.run("ip", ["link", "del", "tap9"]);
  return ms;
}

/** One veth endpoint with tcfilter, the host's side of it, against iproute2 in the same namespace. */
export async function run(): Promise<Row[]> {
  // In memory, as /run is, where the record of a sandbox is kept.
  const pod = new TestPod("/dev/shm");
  try {
    const files = { ip: join(pod.directory, "ip"), tc: join(pod.directory, "tc") };
    writeFileSync(files.ip, `${ipBatch.join("\n")}\n`);
    writeFileSync(files.tc, `${tcBatch.join("\n")}\n`);
    const times = await inTurns(rounds, { own: () => ownTime(pod), programs: () => programsTime(pod, files) });
    const against = { name: "ip -batch, tc -batch", value: median(times.programs) };
    const value = median(times.own);
    return [
      { name: "attach of a veth, host side", value, unit: "ms", against, ratio: value / against.value, limit: 0.3 },
    ];
  } finally {
    pod.close();
  }
}
