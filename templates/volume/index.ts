/** Mounts of the type "example" become a file system in the guest's memory: `[volume.example] size_mib = 64`. */
import type { Plugin, StandardSchema, VolumeRequest } from "kata-ts/plugin";

interface Config {
  readonly size_mib: number;
}

const config: StandardSchema<Config> = {
  "~standard": {
    version: 1,
    vendor: "kata-ts-volume-example",
    validate(value) {
      const size = (value as Partial<Config> | undefined)?.size_mib ?? 16;
      if (Number.isInteger(size) && size > 0) return { value: { size_mib: size } };
      return {
        issues: [{ path: ["size_mib"], message: `must be a whole number above 0, not ${JSON.stringify(size)}` }],
      };
    },
  },
};

export const plugin: Plugin<"volume", typeof config> = {
  api: 1,
  kind: "volume",
  name: "example",
  config,
  create: (_context, { size_mib }) => ({
    name: "example",
    match: ({ mount }: VolumeRequest) => (mount.type === "example" ? 100 : 0),
    create: ({ mount: { destination }, index }: VolumeRequest) => {
      const options = ["nosuid", "nodev", `size=${size_mib}m`];
      const mounts = [{ destination, type: "tmpfs", source: "example", options }];
      return {
        name: `example ${index}`,
        prepare: async () => ({ mounts }),
        cleanup: async () => undefined,
        adopt: async () => undefined,
      };
    },
  }),
};
