import { expect } from "chai";
import { parseMountinfo } from "../../../../src/core/sys/mountinfo.js";
import { findHierarchies } from "../../../../src/plugins/cgroups/v1/hierarchies.js";
import { matchV1 } from "../../../../src/plugins/cgroups/v1/match.js";
import { matchV2 } from "../../../../src/plugins/cgroups/v2/match.js";

const root = "/sys/fs/cgroup";
const mount = (id: number, at: string, type: string, options: string, shown = "/") =>
  `${id} 1 0:${id} ${shown} ${at} rw,relatime - ${type} ${type} rw${options && `,${options}`}`;

const hosts = {
  v2: [mount(20, root, "cgroup2", "nsdelegate")],
  v1: [
    mount(20, root, "tmpfs", "mode=755"),
    mount(21, `${root}/cpu,cpuacct`, "cgroup", "cpu,cpuacct"),
    mount(22, `${root}/memory`, "cgroup", "memory"),
    mount(23, `${root}/systemd`, "cgroup", "xattr,name=systemd"),
    mount(24, `${root}/net_cls`, "cgroup", "net_cls"),
  ],
  hybrid: [
    mount(20, root, "tmpfs", "mode=755"),
    mount(21, `${root}/unified`, "cgroup2", ""),
    mount(22, `${root}/memory`, "cgroup", "memory"),
    // The same once more, as a bind mount of a part of it.
    mount(23, `${root}/other`, "cgroup", "memory", "/a"),
  ],
  "v2 with one odd controller of v1": [mount(20, root, "cgroup2", ""), mount(21, `${root}/cpu`, "cgroup", "cpu")],
  none: [mount(20, "/sys/fs/cgroups", "cgroup2", ""), mount(21, "/elsewhere", "cgroup", "cpu")],
};

describe("which cgroups a host has", () => {
  for (const [host, expected] of [
    ["v2", "v2"],
    ["v1", "v1"],
    ["hybrid", "v1"],
    ["v2 with one odd controller of v1", "v2"],
    ["none", undefined],
  ] as const) {
    it(`${host}: ${expected ?? "none that can be used"}`, () => {
      const mounts = parseMountinfo(hosts[host].join("\n"));
      const [v1, v2] = [matchV1(mounts, root), matchV2(mounts, `${root}/`)];
      const best = v1 === 0 && v2 === 0 ? undefined : v2 > v1 ? "v2" : "v1";
      expect(best).to.equal(expected);
      expect(v1 === v2 && v1 > 0).to.equal(false);
    });
  }

  it("finds the hierarchies of the controllers that matter, each once, those mounted together as one", () => {
    const of = (host: keyof typeof hosts) =>
      findHierarchies(parseMountinfo(hosts[host].join("\n")), root).map((one) => [one.mount.mountPoint, one.names]);
    expect(of("v1")).to.deep.equal([
      [`${root}/cpu,cpuacct`, ["cpu", "cpuacct"]],
      [`${root}/memory`, ["memory"]],
    ]);
    expect(of("hybrid")).to.deep.equal([[`${root}/memory`, ["memory"]]]);
  });
});
