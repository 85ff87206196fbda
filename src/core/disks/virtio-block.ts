import type { BlockDriver } from "../contracts/block-driver.js";

/** A block driver of virtio: `name` is the hypervisor's word for it, `agentDriver` the agent's for where it finds the disk. */
export function virtioBlock(name: string, agentDriver: string): BlockDriver {
  return {
    name,
    device: (id, path, readOnly) => ({ kind: "block", id, path, readOnly, driver: name }),
    storage: (source, { fstype, options, mountPoint }) => ({
      driver: agentDriver,
      source,
      fstype,
      options,
      mountPoint,
    }),
  };
}
