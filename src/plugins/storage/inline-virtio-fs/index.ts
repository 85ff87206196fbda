import { definePlugin } from "../../../core/plugin/plugin.js";
import { shareErrors } from "../../../core/share-fs/errors.js";
import { sharedDirectory } from "../../../core/share-fs/shared-directory.js";
import { checkHost } from "./check-host.js";
import { inlineVirtioFsConfig } from "./config.js";
import { InlineVirtioFs } from "./inline-virtio-fs.js";
import { inlineSettings } from "./settings.js";

/** `hypervisor.<name>.shared_fs = "inline-virtio-fs"`: files shared by the hypervisor itself, without a daemon. */
export const plugin = definePlugin({
  api: 1,
  kind: "share-fs",
  name: "inline-virtio-fs",
  config: inlineVirtioFsConfig,
  check: checkHost,
  create({ sys, roots, config, sandbox }) {
    if (sandbox === undefined) throw shareErrors.KATA_SHARE_STATE({ what: "share files", state: "of no sandbox" });
    const { id: sandboxId, namespace, record } = sandbox;
    const directory = sharedDirectory({ root: roots.shared, namespace, sandboxId });
    return new InlineVirtioFs({ sys, record, directory, settings: inlineSettings(config) });
  },
});
