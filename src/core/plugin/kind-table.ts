import type { DispensableKind, PluginKind, PluginKinds, Selection } from "./kinds.js";

/** Methods that every implementation of a contract has. */
type Methods<T> = { [M in keyof T]-?: T[M] extends (...args: never[]) => unknown ? M : never }[keyof T];

/**
 * What a method gives: `value` for a result that is none of the plugin's objects, `object` for one that is, with methods of
 * its own.
 */
type Result = "value" | "object";

/** What core knows of a kind. */
interface KindRow<K extends PluginKind> {
  readonly selection: K extends DispensableKind ? Selection & { readonly none: string } : Selection;
  /** What selects it, and how many there are, for people. */
  readonly summary: string;
  /** Every method that an implementation must have. */
  readonly methods: Readonly<Record<Extract<Methods<PluginKinds[K]>, string>, Result>>;
}

const value = "value";
const object = "object";

/** The kinds of core: what selects a plugin of each, and what it must be able to do. Nothing else says this. */
export const kindTable: { readonly [K in PluginKind]: KindRow<K> } = {
  service: {
    selection: { by: "request" },
    summary: "a wire protocol; one a process, chosen by the program",
    methods: { start: value, close: value, destroy: value },
  },
  handler: {
    selection: { by: "key", key: "runtime.name" },
    summary: "what a sandbox and a container are; one a process",
    methods: { register: value, close: value, destroy: value },
  },
  hypervisor: {
    selection: { by: "key", key: "runtime.hypervisor_name" },
    summary: "the virtual machine; one a sandbox",
    methods: {
      start: value,
      stop: value,
      destroy: value,
      addDevice: value,
      removeDevice: value,
      consoleTail: value,
      capability: object,
    },
  },
  agent: {
    selection: { by: "key", key: "runtime.agent_name" },
    summary: "the runtime's side of the guest; one a sandbox",
    methods: {
      connect: value,
      close: value,
      destroy: value,
      check: value,
      guestDetails: value,
      createSandbox: value,
      destroySandbox: value,
      createContainer: value,
      startContainer: value,
      removeContainer: value,
      pauseContainer: value,
      resumeContainer: value,
      updateContainer: value,
      stats: value,
      execProcess: value,
      signalProcess: value,
      waitProcess: value,
      resizeTerminal: value,
      writeStdin: value,
      closeStdin: value,
      readStdout: value,
      readStderr: value,
      capability: object,
    },
  },
  "share-fs": {
    selection: { by: "key", key: "hypervisor.*.shared_fs", none: "none" },
    summary: "files of the host that the guest sees; one a sandbox",
    methods: { prepare: value, cleanup: value, share: value },
  },
  "network-model": {
    selection: { by: "key", key: "runtime.internetworking_model", neededFor: "pods that have a network" },
    summary: "how the pod's links are joined with the machine's; one a sandbox that has a network",
    methods: { join: value, part: value },
  },
  endpoint: {
    selection: { by: "match", with: "a link of the pod" },
    summary: "a kind of link; all of them in a sandbox that has a network",
    methods: { match: value, create: object },
  },
  rootfs: {
    selection: { by: "match", with: "what a container's root is made of" },
    summary: "a kind of root file system; all of them in a sandbox",
    methods: { match: value, create: object },
  },
  volume: {
    selection: { by: "match", with: "a mount of a container" },
    summary: "a kind of mount; all of them in a sandbox",
    methods: { match: value, create: object },
  },
  "block-driver": {
    selection: { by: "key", key: "hypervisor.*.block_device_driver", neededFor: "containers that have disks" },
    summary: "how disks are plugged and found again; one a sandbox that has disks",
    methods: { device: value, storage: value },
  },
  cgroup: {
    selection: { by: "match", with: "the cgroups of the host" },
    summary: "a version of the host's cgroups; all of them in a sandbox",
    methods: { match: value, open: object },
  },
};

/** Whether core knows a kind of this name. */
export function isPluginKind(name: string): name is PluginKind {
  return Object.hasOwn(kindTable, name);
}

/** The key that selects plugins of a kind, for people: `hypervisor.<name>.shared_fs`. */
export function formatSelectionKey(key: string): string {
  return key.replace("*", "<name>");
}
