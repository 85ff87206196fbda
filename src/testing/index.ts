/** For authors of plugins: fakes of what surrounds a plugin, so that it can be tested without root and without a machine. */
export { FakeAgent, FakeProcess } from "./fake-agent.js";
export { FakeDisks } from "./fake-disks.js";
export { FakeCgroup, FakeCgroupDriver } from "./fake-cgroup.js";
export { FakeContainerd, type FakeContainerdOptions, type FakeCreate } from "./fake-containerd/fake-containerd.js";
export type { ContainerdEvent } from "./fake-containerd/event-log.js";
export { type FakeShim, type ShimCall, shimProgram } from "./fake-containerd/fake-shim.js";
export type {
  FakeTask,
  FakeTaskExit,
  FakeTaskIo,
  FakeTaskProcess,
  FakeTaskState,
} from "./fake-containerd/fake-task.js";
export { FakeHypervisor } from "./fake-hypervisor.js";
export { FakeShareFs } from "./fake-share-fs.js";
export * from "./fake-sys.js";
export { FakeNetworkModel } from "./fake-network-model.js";
export * from "./fake-world.js";
export * from "./conformance/index.js";
