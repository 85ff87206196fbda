/** Root file systems that a mount of the type "example" names: the directory is shared with the guest as it is. */
import type { Plugin, Rootfs, RootfsRequest, Share, StandardSchema } from "kata-ts/plugin";

const config: StandardSchema<undefined> = {
  "~standard": { version: 1, vendor: "kata-ts-rootfs-example", validate: () => ({ value: undefined }) },
};

function createRootfs({ containerId, mounts, readOnly, shareFs }: RootfsRequest): Rootfs {
  const name = `${containerId}/rootfs`;
  let share: Share | undefined;
  return {
    name: "rootfs",
    requires: ["share-fs"],
    async prepare() {
      const source = mounts[0]?.source ?? "";
      share = await shareFs?.share({ name, source, readOnly });
      if (share === undefined) {
        const message = `the root file system ${source} cannot be shown to the guest: the sandbox shares nothing`;
        throw Object.assign(new Error(message), { code: "EXAMPLE_SHARE", status: "FAILED_PRECONDITION" });
      }
      return { guestPath: share.guestPath };
    },
    async cleanup() {
      await share?.release();
      share = undefined;
    },
    async adopt() {
      share = shareFs?.shared?.(name);
    },
  };
}

export const plugin: Plugin<"rootfs", typeof config> = {
  api: 1,
  kind: "rootfs",
  name: "example",
  config,
  create: () => ({
    name: "example",
    match: ({ mounts }: RootfsRequest) => (mounts.length === 1 && mounts[0]?.type === "example" ? 100 : 0),
    create: createRootfs,
  }),
};
