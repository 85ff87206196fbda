/**
 * A plugin in a package of its own. A mount of type `scratch` in a container's config.json becomes a tmpfs in the guest, as
 * large as configuration says:
 *
 *     plugins = ["kata-ts-volume-scratch"]
 *     [volume.scratch]
 *     size_mib = 64
 *
 * It imports types only, so it works with any copy of the library.
 */
import type { Plugin, StandardSchema, VolumeRequest } from "../../src/plugin.js";

interface ScratchConfig {
  readonly size_mib: number;
}

const config: StandardSchema<ScratchConfig> = {
  "~standard": {
    version: 1,
    vendor: "kata-ts-volume-scratch",
    validate(value) {
      const size = (value as Partial<ScratchConfig> | undefined)?.size_mib ?? 16;
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
  name: "scratch",
  config,
  create: (_ctx, { size_mib }) => ({
    name: "scratch",
    match: ({ mount }: VolumeRequest) => (mount.type === "scratch" ? 100 : 0),
    create: ({ mount, index }: VolumeRequest) => ({
      name: `scratch ${index}`,
      prepare: async () => ({
        mounts: [
          {
            destination: mount.destination,
            type: "tmpfs",
            source: "scratch",
            options: ["nosuid", "nodev", `size=${size_mib}m`],
          },
        ],
      }),
      cleanup: async () => undefined,
    }),
  }),
};
