import { expect } from "chai";
import { containerCgroup, guestSpec, type GuestSpecContext } from "../../../../../guest/agent/container/guest-spec.js";
import type { OciDeviceCgroup, OciSpec } from "../../../../../src/core/oci/spec.js";

const context: GuestSpecContext = {
  roots: { run: "/run", proc: "/proc", sys: "/nowhere", dev: "/dev", cgroup: "/sys/fs/cgroup" },
  containerId: "c1",
  sharedNamespaces: { uts: "/proc/1/fd/7", ipc: "/proc/1/fd/8" },
  guestHooks: {},
  devices: new Map(),
  boundDevices: [],
};

const base: OciSpec = {
  ociVersion: "1.0.2",
  root: { path: "/r" },
  process: { user: { uid: 0, gid: 0 }, cwd: "/", args: ["sh"] },
};

const made = (change: Partial<OciSpec>, more: Partial<GuestSpecContext> = {}) =>
  guestSpec({ ...base, ...change }, { ...context, ...more });

describe("the specification a container gets in the guest", () => {
  it("puts it into a control group of the guest's own choosing", () => {
    for (const cgroupsPath of ["/../../evil", "system.slice:x:y", undefined]) {
      const { spec } = made({ linux: cgroupsPath === undefined ? {} : { cgroupsPath } });
      expect(spec.linux?.cgroupsPath).to.equal("/kata/c1");
    }
    expect(containerCgroup("c1")).to.equal("/kata/c1");
  });

  it("has the version whose fields it has, however new the host's is", () => {
    for (const ociVersion of ["1.0.0", "1.3.0"]) expect(made({ ociVersion }).spec.ociVersion).to.equal("1.0.2");
  });

  it("shares what the sandbox shares, and the guest's network", () => {
    const types = ["network", "uts", "ipc", "time", "pid", "mount"];
    const { spec } = made({ linux: { namespaces: types.map((type) => ({ type, path: "/proc/99/ns/x" })) } });
    expect(spec.linux?.namespaces).to.have.deep.members([
      { type: "uts", path: "/proc/1/fd/7" },
      { type: "ipc", path: "/proc/1/fd/8" },
      { type: "pid" },
      { type: "mount" },
      { type: "cgroup" },
    ]);
  });

  it("has its own processes and mounts even when nothing is said of them", () => {
    expect(made({}).spec.linux?.namespaces).to.deep.equal([{ type: "pid" }, { type: "mount" }, { type: "cgroup" }]);
    expect(made({ hostname: "x" }).spec).not.to.have.property("hostname");
  });

  it("joins the sandbox's processes when it shall", () => {
    const { spec } = made({}, { sharedNamespaces: { pid: "/proc/1/fd/9" } });
    expect(spec.linux?.namespaces).to.deep.include({ type: "pid", path: "/proc/1/fd/9" });
  });

  it("takes out what belongs to the host", () => {
    const { spec } = made({
      annotations: { "run.oci.handler": "wasm", "org.criu.config": "x", "io.kubernetes.cri.container-name": "n" },
      process: {
        user: { uid: 0, gid: 0 },
        cwd: "/",
        args: ["sh"],
        apparmorProfile: "docker-default",
        selinuxLabel: "a:b:c",
        oomScoreAdj: -998,
      },
      linux: { mountLabel: "a:b:c", intelRdt: { l3CacheSchema: "x" }, maskedPaths: ["/proc/kcore"] },
    });
    expect(spec.annotations).to.deep.equal({ "io.kubernetes.cri.container-name": "n" });
    expect(spec.process).to.have.keys("user", "cwd", "args", "oomScoreAdj");
    expect(spec.linux).not.to.have.any.keys("mountLabel", "intelRdt");
    expect(spec.linux?.maskedPaths).to.deep.equal(["/proc/kcore"]);
  });

  it("allows only the devices every container has, whatever the host allowed", () => {
    const { spec } = made({
      linux: { resources: { devices: [{ allow: true, access: "rwm" }], memory: { limit: 5 } } },
    });
    const rules = spec.linux?.resources?.devices ?? [];
    expect(rules[0]).to.deep.equal({ allow: false, access: "rwm" });
    expect(rules.filter(({ allow, access }) => allow && access !== "m").every(({ type }) => type === "c")).to.equal(
      true,
    );
    expect(rules).to.deep.include({ allow: true, type: "c", major: 1, minor: 3, access: "rwm" });
    expect(spec.linux?.resources?.memory).to.deep.equal({ limit: 5 });
  });

  it("keeps device nodes that are the guest's own too, and no disks of its", () => {
    const { spec } = made({
      linux: {
        devices: [
          { path: "/dev/null", type: "c", major: 1, minor: 3 },
          { path: "/dev/null", type: "c", major: 9, minor: 9 },
          { path: "/dev/no-such-device", type: "c", major: 10, minor: 200 },
          { path: "/dev/sda", type: "b", major: 8, minor: 0 },
        ],
      },
    });
    expect(spec.linux?.devices).to.deep.equal([{ path: "/dev/null", type: "c", major: 1, minor: 3 }]);
  });

  it("gives it the disks that were plugged in for it, with the numbers they have here", () => {
    const plugged = new Map([["/dev/xvdc", { path: "/dev/xvdc", type: "b", major: 254, minor: 32 }]]);
    const devices = [{ path: "/dev/xvdc", type: "b", major: 8, minor: 0, fileMode: 0o600 }];
    const { spec } = made({ linux: { devices } }, { devices: plugged });
    expect(spec.linux?.devices).to.deep.equal([
      { path: "/dev/xvdc", type: "b", major: 254, minor: 32, fileMode: 0o600 },
    ]);
    expect(spec.linux?.resources?.devices).to.deep.include({
      allow: true,
      type: "b",
      major: 254,
      minor: 32,
      access: "rwm",
    });
  });

  it("lets it do with a disk what the host's rules let it do with theirs", () => {
    const plugged = new Map([["/dev/x", { path: "/dev/x", type: "b", major: 254, minor: 32 }]]);
    const given = (devices: OciDeviceCgroup[]) => {
      const linux = { devices: [{ path: "/dev/x", type: "b", major: 8, minor: 0 }], resources: { devices } };
      const rules = made({ linux }, { devices: plugged }).spec.linux?.resources?.devices ?? [];
      return rules.filter(({ type }) => type === "b");
    };
    const rule = { allow: true, type: "b", major: 8, minor: 0 };
    const guest = { allow: true, type: "b", major: 254, minor: 32 };
    expect(given([{ ...rule, access: "r" }])).to.deep.equal([{ ...guest, access: "r" }]);
    expect(
      given([
        { ...rule, access: "r" },
        { ...rule, access: "mw" },
      ]),
    ).to.deep.equal([{ ...guest, access: "rwm" }]);
    for (const other of [[], [{ ...rule, allow: false }], [{ ...rule, minor: 1, access: "r" }], [rule]]) {
      expect(given(other)).to.deep.equal([{ ...guest, access: "rwm" }]);
    }
  });

  it("lets it use devices whose nodes are mounted into it", () => {
    const bound = { allow: true, type: "b", major: 254, minor: 16, access: "rm" };
    expect(made({}, { boundDevices: [bound] }).spec.linux?.resources?.devices?.at(-1)).to.deep.equal(bound);
  });

  it("leaves settings of the network to the agent", () => {
    const sysctl = { "net.ipv4.ip_unprivileged_port_start": "0", "kernel.shmmax": "1", "net/core/somaxconn": "9" };
    const { spec, networkSysctls } = made({ linux: { sysctl } });
    expect(spec.linux?.sysctl).to.deep.equal({ "kernel.shmmax": "1" });
    expect(networkSysctls).to.have.keys("net.ipv4.ip_unprivileged_port_start", "net/core/somaxconn");
    expect(() => made({ linux: { sysctl: { "net.../../etc": "1" } } })).to.throw("linux.sysctl");
  });

  it("adds the guest's own hooks after the specification's", () => {
    const hooks = { startContainer: [{ path: "/a" }], poststop: [{ path: "/b" }] };
    const { spec } = made({ hooks }, { guestHooks: { poststop: [{ path: "/g" }], prestart: [{ path: "/p" }] } });
    expect(spec.hooks).to.deep.equal({
      startContainer: [{ path: "/a" }],
      poststop: [{ path: "/b" }, { path: "/g" }],
      prestart: [{ path: "/p" }],
    });
    expect(made({}).spec).not.to.have.property("hooks");
  });

  it("names what keeps it from being one", () => {
    const { process: _process, ...without } = base;
    expect(() => guestSpec(without, context)).to.throw("process of the specification");
    expect(() => made({ root: { path: "r" } })).to.throw("root.path");
  });
});
