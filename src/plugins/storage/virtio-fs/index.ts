import { join } from "node:path";
import { definePlugin } from "../../../core/plugin/plugin.js";
import { shareErrors } from "../../../core/share-fs/errors.js";
import { sharedDirectory } from "../../../core/share-fs/shared-directory.js";
import { checkHost } from "./check-host.js";
import { virtioFsConfig } from "./config.js";
import { virtioFsSettings } from "./settings.js";
import { VirtioFs } from "./virtio-fs.js";

/** `hypervisor.<name>.shared_fs = "virtio-fs"`: files shared by a virtiofsd, one a sandbox. */
export const plugin = definePlugin({
  api: 1,
  kind: "share-fs",
  name: "virtio-fs",
  config: virtioFsConfig,
  check: checkHost,
  create({ sys, log, roots, config, sandbox }) {
    if (sandbox === undefined) throw shareErrors.KATA_SHARE_STATE({ what: "share files", state: "of no sandbox" });
    const { id: sandboxId, namespace, record, runDirectory } = sandbox;
    const directory = sharedDirectory({ root: roots.shared, namespace, sandboxId });
    const socket = join(runDirectory, "virtiofsd.sock");
    return new VirtioFs({ sys, log, record, directory, socket, settings: virtioFsSettings(config) });
  },
});
