import { pluginConfig } from "../../../core/config/plugin-schema.js";

/** It has no table of its own: Kata's key for it stands in `[runtime]`. */
export const emptyDirConfig = pluginConfig({
  uses: ["runtime.emptydir_mode"],
  check: ({ runtime }) => {
    if (runtime.emptydir_mode !== "block-encrypted") return [];
    const problem =
      'is "block-encrypted"; this runtime\'s guests have no keys to encrypt disks by: take "block-plain" or "shared-fs"';
    return [{ table: "runtime", key: "emptydir_mode", problem }];
  },
});
