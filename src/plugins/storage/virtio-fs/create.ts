import { join } from "node:path";
import type { PluginContext } from "../../../core/plugin/context.js";
import { shareErrors } from "../../../core/share-fs/errors.js";
import { sharedDirectory } from "../../../core/share-fs/shared-directory.js";
import { virtioFsSettings } from "./settings.js";
import { VirtioFs } from "./virtio-fs.js";

/** The share of a sandbox. */
export function createShare({ sys, log, roots, config, sandbox }: PluginContext): VirtioFs {
  if (sandbox === undefined) throw shareErrors.KATA_SHARE_STATE({ what: "share files", state: "of no sandbox" });
  const { id: sandboxId, namespace, record, runDirectory } = sandbox;
  const directory = sharedDirectory({ root: roots.shared, namespace, sandboxId });
  const socket = join(runDirectory, "virtiofsd.sock");
  return new VirtioFs({ sys, log, record, directory, socket, settings: virtioFsSettings(config) });
}
