import type { Context } from "mocha";
import { inHostVm } from "../../support/host-vm/needs-host-vm.js";
import { describeContainerd, type Pod, podForAll, type Suite } from "../containerd/suite.js";
import { hostCgroup } from "./host-cgroup.js";
import { limits } from "./limits.js";
import { panic } from "./panic.js";
import { pods } from "./pod.js";
import { processes } from "./processes.js";
import { signals } from "./signals.js";
import { streams } from "./streams.js";
import { terminal } from "./terminal.js";
import { usage } from "./usage.js";

/** What checks of containers have in common. */
export interface ContainerScene {
  readonly suite: Suite;
  /** All containers are in this pod's machine, which boots once. */
  readonly pod: Pod;
  /** Whose machine it is. */
  readonly machine: "qemu" | "dragonball";
  /** How much longer than usual all takes: 1, or more where everything is emulated; what is only large is as much smaller. */
  readonly pace: number;
}

/** Tests of one side of containers. */
export type ContainerChecks = (scene: ContainerScene) => void;

/** Whatever the machine: what users of a container find. The last one costs the machine. */
const list: Readonly<Record<string, ContainerChecks>> = {
  "that runs": processes,
  "with input and output": streams,
  "on a terminal": terminal,
  "that gets signals": signals,
  "with limits": limits,
  "in a cgroup of the host that": hostCgroup,
  "with a usage that": usage,
  "beside others of its pod": pods,
  "whose guest's kernel panics": panic,
};

/** Where such machines run, and how they are configured. */
export interface Machines {
  readonly name: ContainerScene["machine"];
  readonly configuration: readonly string[];
  /** Skips where they do not run. */
  readonly needs?: (context: Context) => void | Promise<void>;
}

/** The tests of containers, with machines of one hypervisor. */
export function describeContainers({ name, configuration, needs }: Machines): void {
  describeContainerd(
    `a container in a machine of ${name}`,
    (suite) => {
      const pod = podForAll(suite);
      const scene: ContainerScene = { suite, pod, machine: name, pace: inHostVm() ? 10 : 1 };
      for (const [title, checks] of Object.entries(list)) describe(title, () => checks(scene));
    },
    { configuration, ...(needs !== undefined && { needs }) },
  );
}
