import type { PluginContext } from "../../../core/plugin/context.js";
import { shareErrors } from "../../../core/share-fs/errors.js";
import { sharedDirectory } from "../../../core/share-fs/shared-directory.js";
import { InlineVirtioFs } from "./inline-virtio-fs.js";
import { inlineSettings } from "./settings.js";

/** The share of a sandbox. */
export function createShare({ sys, roots, config, sandbox }: PluginContext): InlineVirtioFs {
  if (sandbox === undefined) throw shareErrors.KATA_SHARE_STATE({ what: "share files", state: "of no sandbox" });
  const { id: sandboxId, namespace, record } = sandbox;
  const directory = sharedDirectory({ root: roots.shared, namespace, sandboxId });
  return new InlineVirtioFs({ sys, record, directory, settings: inlineSettings(config) });
}
