import { mkdirSync } from "node:fs";
import { errnoNumber } from "../core/sys/errno.js";
import { createLinuxSys } from "../core/sys/linux/index.js";
import type { MountEntry } from "../core/sys/mountinfo.js";
import { SysError } from "../core/sys/sys-error.js";
import type { Sys, SysPart } from "../core/sys/sys.js";
import { FakeCgroupfs } from "./fake-sys/fake-cgroupfs.js";
import { FakeMachine } from "./fake-sys/fake-machine.js";
import { FakeMounts } from "./fake-sys/fake-mounts.js";
import { FakeNetwork } from "./fake-sys/fake-network.js";
import { FakeNamespaces } from "./fake-sys/fake-namespaces.js";
import { FakePci } from "./fake-sys/fake-pci.js";
import { FakeProcesses } from "./fake-sys/fake-processes.js";
import { FakeVsock } from "./fake-sys/fake-vsock.js";
import { guardTrees } from "./fake-sys/guarded-files.js";
import { type Answer, type MethodOf, Recorder, type Refused, type SysCall } from "./fake-sys/recorder.js";

/** What a fake kernel starts with. */
export interface FakeSysOptions {
  /** Parts to use as they are instead of the fake ones, a real `mounts` for example; calls are recorded all the same. */
  readonly parts?: Partial<Sys>;
}

/** A `Sys` that remembers what it was asked and answers as it is told. */
export interface FakeSys extends Sys {
  /** Every call so far, oldest first. */
  readonly calls: readonly SysCall[];

  /** The arguments of every call of one method. */
  callsTo<P extends SysPart>(part: P, method: MethodOf<P>): readonly (readonly unknown[])[];

  /** Answers a method by `answer` from now on. */
  answer<P extends SysPart, M extends MethodOf<P>>(part: P, method: M, answer: Answer<P, M>): void;

  /** Has the kernel refuse a method from now on: `fail("mounts", "bind", "EBUSY")`; the next `times` calls only, if given. */
  fail<P extends SysPart>(part: P, method: MethodOf<P>, errno: string, times?: number): void;

  /**
   * Has the kernel refuse one call with EIO: of those named (`mounts.bind`) the one that comes after `after` others. For tests
   * that go through all of them.
   */
  refuseNext(of: ReadonlySet<string>, after: number): Refused;

  /** Forgets answers and failures; the calls, mounts and processes stay. */
  reset(): void;

  /** Mounts that are there, and those the tested code made. Change it to arrange a case. */
  readonly mountTable: MountEntry[];

  /** The processes there are, besides this one and its parent. */
  readonly processTable: FakeProcesses["table"];

  /** The network namespaces, links and taps there are. Change them to arrange a case. */
  readonly network: FakeNetwork;

  /** Pretends that the host has cgroups of version 2 at a directory, which is made, and whose entries are real. */
  mountCgroups(directory: string): Promise<void>;
}

/**
 * A fake kernel for tests without root: every call is recorded and can be answered or refused on purpose. Mounts,
 * processes, namespaces, the network with its taps, cgroups, a PCI bus, vsock and the machine are only pretended; files, fifos,
 * sockets, descriptors, terminals and devices are real, as they need no privilege and act only where the test points them.
 */
export function fakeSys(options: FakeSysOptions = {}): FakeSys {
  const real = createLinuxSys();
  const mounts = new FakeMounts();
  const processes = new FakeProcesses();
  const network = new FakeNetwork();
  const cgroups = new FakeCgroupfs(mounts.table);
  const recorder = new Recorder({
    ...real,
    mounts,
    files: new FakePci(network).files(cgroups.files(guardTrees(real.files, mounts))),
    inodes: cgroups.inodes(real.inodes),
    processes,
    namespaces: new FakeNamespaces(),
    netlink: network,
    taps: {
      open: (request) => network.open(request),
      openMacvtap: (request) => network.openMacvtap(request),
      setHeaderBytes: () => undefined,
      setOffloads: () => undefined,
      setAttached: () => undefined,
    },
    vsock: new FakeVsock(real),
    machine: new FakeMachine(),
    ...options.parts,
  });
  return {
    ...recorder.sys,
    calls: recorder.calls,
    callsTo: (part, method) => recorder.calls.filter((c) => c.part === part && c.method === method).map((c) => c.args),
    answer: (part, method, answer) => recorder.answer(part, method, answer),
    fail: (part, method, errno, times) => {
      const refuse = (...args: unknown[]): never => {
        const shown = args.map((a) => (typeof a === "string" || typeof a === "number" ? a : JSON.stringify(a)));
        throw new SysError(`fake ${method}`, shown, errnoNumber(errno) ?? 0, errno);
      };
      recorder.refuse(part, method, refuse, times ?? Number.POSITIVE_INFINITY);
    },
    refuseNext: (of, after) => recorder.refuseNext(of, after),
    reset: () => recorder.reset(),
    mountTable: mounts.table,
    processTable: processes.table,
    network,
    mountCgroups: async (directory) => {
      mkdirSync(directory, { recursive: true });
      cgroups.begin(directory);
      await mounts.mount({ source: "cgroup2", target: directory, type: "cgroup2" });
    },
  };
}
