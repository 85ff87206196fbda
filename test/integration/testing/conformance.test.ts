import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BlockDevice } from "../../../src/core/contracts/device.js";
import { probeKvm } from "../../../src/core/kvm/probe.js";
import { findExecutable } from "../../../src/core/process/find-executable.js";
import { defaultRoots } from "../../../src/core/runtime/roots.js";
import { plugin as cgroupV1 } from "../../../src/plugins/cgroups/v1/index.js";
import { plugin as cgroupV2 } from "../../../src/plugins/cgroups/v2/index.js";
import { plugin as dragonball } from "../../../src/plugins/hypervisors/dragonball/index.js";
import { plugin as qemu } from "../../../src/plugins/hypervisors/qemu/index.js";
import { plugin as inlineVirtioFs } from "../../../src/plugins/storage/inline-virtio-fs/index.js";
import { plugin as virtioFs } from "../../../src/plugins/storage/virtio-fs/index.js";
import type { HypervisorSubject, Place } from "../../../src/testing/index.js";
import { hostHasV2 } from "../../support/host-cgroup.js";
import { keepsPromises } from "../../support/keeps-promises.js";

const { guestCache } = defaultRoots;
const kvm = await probeKvm();

/** The first reason why something cannot be tried here. */
const missing = (...reasons: readonly (readonly [isThere: boolean, reason: string])[]): string | undefined =>
  reasons.find(([isThere]) => !isThere)?.[1];

const root = [process.getuid?.() === 0, "needs root"] as const;
const guest = [
  existsSync(join(guestCache, "current/manifest.json")),
  `no guest is built in ${guestCache} (kata-ts guest build)`,
] as const;

/** Machines that boot the built guest, whose disk is a file of the trial. */
const machines = (driver: string): Omit<HypervisorSubject, "cannotStart"> => {
  const path = ({ directory }: Pick<Place, "directory">): string => join(directory, "disk");
  return {
    sys: "real",
    roots: { guestCache },
    ms: 60_000,
    vm: { memoryMiB: 256 },
    arrange: (place) => writeFileSync(path(place), Buffer.alloc(1 << 20)),
    device: (directory): BlockDevice => ({
      kind: "block",
      id: "disk",
      path: path({ directory }),
      readOnly: false,
      driver,
    }),
  };
};

const asCrash = (subject: HypervisorSubject): HypervisorSubject => ({
  ...subject,
  crash: ({ pid }) => void process.kill(pid, "SIGKILL"),
});

const where = (reason: string | undefined) => (reason === undefined ? {} : { cannotStart: reason });

describe("plugins that need what a host has keep what their kinds promise", () => {
  const noQemu = missing(guest, [
    findExecutable("qemu-system-x86_64") !== undefined,
    "QEMU is not installed (qemu-system-x86)",
  ]);
  keepsPromises(qemu, asCrash({ ...machines("virtio-blk-pci"), ...where(noQemu) }));

  // A machine in this process is not killed alone.
  const noKvm = missing(guest, [kvm.usable, kvm.reason]);
  keepsPromises(dragonball, { ...machines("virtio-blk-mmio"), ...where(noKvm) });

  const hasDaemon = ["/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd"].some(existsSync);
  const noDaemon = missing(root, [hasDaemon, "no virtiofsd is installed"]);
  keepsPromises(virtioFs, { sys: "real", ms: 30_000 }, noDaemon);
  keepsPromises(inlineVirtioFs, { sys: "real" }, missing(root));

  // One that is busy is waited for some seconds in each hierarchy.
  const cgroup = { sys: "real", ms: 60_000, roots: { cgroup: defaultRoots.cgroup } } as const;
  keepsPromises(cgroupV1, cgroup, missing(root, [!hostHasV2(), "the host's cgroups are of version 2"]));
  keepsPromises(cgroupV2, cgroup, missing(root, [hostHasV2(), "the host's cgroups are of version 1"]));
});
