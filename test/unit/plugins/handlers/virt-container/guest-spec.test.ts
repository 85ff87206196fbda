import { expect } from "chai";
import { defaultSpec } from "../../../../../src/core/oci/default-spec.js";
import type { OciSpec } from "../../../../../src/core/oci/spec.js";
import { guestSpec, sharesPidNamespace } from "../../../../../src/plugins/handlers/virt-container/guest-spec.js";
import { checkSpec } from "../../../../../src/plugins/handlers/virt-container/spec-check.js";

const parts = { role: "single", bundle: "/bundle", rootPath: "/guest/root", mounts: [] } as const;
const options = { disableSeccomp: true, disableSelinux: true };

function spec(change: (spec: OciSpec) => void = () => undefined): OciSpec {
  const one = defaultSpec({ rootPath: "/host/root", args: ["true"] });
  change(one);
  return one;
}

describe("guestSpec", () => {
  it("puts the guest's root in place of the host's and tells the agent what the container is", () => {
    const guest = guestSpec(spec(), parts, options);
    expect(guest.root?.path).to.equal("/guest/root");
    expect(guest.annotations).to.include({
      "io.katacontainers.pkg.oci.container_type": "single_container",
      "io.katacontainers.pkg.oci.bundle_path": "/bundle",
    });
  });

  it("keeps the namespaces that the guest makes, without the host's paths", () => {
    const host = spec((one) => {
      one.linux = {
        namespaces: [
          { type: "pid", path: "/proc/1/ns/pid" },
          { type: "network", path: "/run/netns/x" },
          { type: "ipc", path: "/proc/1/ns/ipc" },
          { type: "mount" },
        ],
      };
    });
    expect(sharesPidNamespace(host)).to.equal(true);
    expect(guestSpec(host, parts, options).linux?.namespaces).to.deep.equal([{ type: "ipc" }, { type: "mount" }]);
  });

  it("drops hooks, seccomp, labels and the limits that are the host's business", () => {
    const guest = guestSpec(
      spec((one) => {
        one.hooks = { poststop: [] };
        one.process = { ...one.process, user: { uid: 1, gid: 1 }, cwd: "/", apparmorProfile: "a", selinuxLabel: "s" };
        one.linux = {
          seccomp: { defaultAction: "SCMP_ACT_ERRNO" },
          mountLabel: "m",
          resources: {
            devices: [{ allow: false }],
            pids: { limit: 5 },
            memory: { limit: 7 },
            cpu: { shares: 2, cpus: "0" },
          },
        };
      }),
      parts,
      options,
    );
    expect(guest).not.to.have.property("hooks");
    expect(guest.linux).to.not.have.any.keys("seccomp", "mountLabel");
    expect(guest.process).to.not.have.any.keys("apparmorProfile", "selinuxLabel");
    expect(guest.linux?.resources).to.deep.equal({ memory: { limit: 7 }, cpu: { shares: 2 }, pids: { limit: 5 } });
  });

  it("keeps seccomp and labels when they are asked for", () => {
    const host = spec((one) => (one.linux = { seccomp: { defaultAction: "SCMP_ACT_ERRNO" }, mountLabel: "m" }));
    const guest = guestSpec(host, parts, { disableSeccomp: false, disableSelinux: false });
    expect(guest.linux).to.include.keys("seccomp", "mountLabel");
  });

  it("leaves the host's spec as it was", () => {
    const host = spec();
    const before = structuredClone(host);
    guestSpec(host, parts, options);
    expect(host).to.deep.equal(before);
  });
});

describe("checkSpec", () => {
  it("takes what ctr and CRI ask for by default", () => {
    checkSpec(spec());
  });

  const refused: [string, (one: OciSpec) => void][] = [
    ["linux.intelRdt", (one) => (one.linux = { intelRdt: {} })],
    ["linux.uidMappings", (one) => (one.linux = { uidMappings: [{ containerID: 0, hostID: 1, size: 1 }] })],
    ["linux.namespaces", (one) => (one.linux = { namespaces: [{ type: "user" }] })],
    ["linux.devices", (one) => (one.linux = { devices: [{ path: "/dev/kvm", type: "c" }] })],
    ["hooks.prestart", (one) => (one.hooks = { prestart: [{ path: "/bin/true" }] })],
    ["windows", (one) => (one["windows"] = {})],
  ];
  for (const [field, change] of refused) {
    it(`names ${field} when it cannot be honoured`, () => {
      expect(() => checkSpec(spec(change))).to.throw(
        new RegExp(`config.json asks for ${field.replace(".", "\\.")} = `),
      );
    });
  }

  const invalid: [string, (one: OciSpec) => void][] = [
    ["root.path is missing", (one) => delete one.root],
    ["process is missing", (one) => delete one.process],
    ["process.args is empty", (one) => (one.process = { user: { uid: 0, gid: 0 }, cwd: "/", args: [] })],
    ["process.cwd must be an absolute", (one) => (one.process = { user: { uid: 0, gid: 0 }, cwd: "x", args: ["a"] })],
  ];
  for (const [problem, change] of invalid) {
    it(`says that ${problem}`, () => {
      expect(() => checkSpec(spec(change))).to.throw(`config.json: ${problem}`);
    });
  }
});
