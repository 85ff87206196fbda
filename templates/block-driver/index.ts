/** Disks that a hypervisor of yours plugs as "example", and that the guest finds by a path of PCI. */
import type { BlockDriver, Plugin, StandardSchema } from "kata-ts/plugin";

const config: StandardSchema<undefined> = {
  "~standard": { version: 1, vendor: "kata-ts-block-driver-example", validate: () => ({ value: undefined }) },
};

export const plugin: Plugin<"block-driver", typeof config> = {
  api: 1,
  kind: "block-driver",
  name: "example",
  config,
  create: (): BlockDriver => ({
    name: "example",
    device: (id, path, readOnly) => ({ kind: "block", id, path, readOnly, driver: "example" }),
    storage: (guestLocator, mount) => ({ driver: "blk", source: guestLocator, ...mount }),
  }),
};
