/** For authors of plugins: fakes of what surrounds a plugin, so that it can be tested without root and without a machine. */
export { FakeAgent, FakeProcess } from "./fake-agent.js";
export { FakeDisks } from "./fake-disks.js";
export { FakeCgroup, FakeCgroupDriver } from "./fake-cgroup.js";
export { FakeHypervisor } from "./fake-hypervisor.js";
export { FakeShareFs } from "./fake-share-fs.js";
export * from "./fake-sys.js";
export { FakeNetworkModel } from "./fake-network-model.js";
export * from "./fake-world.js";
export * from "./conformance/index.js";
