import { parseArgs } from "node:util";
import { createLinuxSys } from "../../../core/sys/linux/index.js";
import { directVolumesRoot } from "../../../plugins/storage/volume-direct/mount-info.js";
import { addMountInfo, removeMountInfo } from "../../../plugins/storage/volume-direct/write-mount-info.js";
import { type Command, commandErrors, orUsage } from "../command.js";

const usage = "kata-ts direct-volume add PATH MOUNT-INFO | remove PATH";

/** Says of the path of a volume which disk it is, as CSI drivers do by upstream's program; or nothing any more. */
export const directVolumeCommand: Command = {
  name: "direct-volume",
  usage,
  summary: "say which disk a volume is, for machines to have it (MOUNT-INFO is the JSON of docs/volumes.md)",
  async run(args) {
    const { positionals } = orUsage(usage, () => parseArgs({ args: [...args], allowPositionals: true }));
    const [action, path, info, ...extra] = positionals;
    if (action === "add" && path !== undefined && info !== undefined && extra.length === 0) {
      const file = await addMountInfo(createLinuxSys(), directVolumesRoot, path, info);
      process.stdout.write(`wrote ${file}\n`);
      return 0;
    }
    if (action === "remove" && path !== undefined && info === undefined) {
      const removed = await removeMountInfo(createLinuxSys(), directVolumesRoot, path);
      process.stdout.write(removed ? `removed what was said of ${path}\n` : `nothing was said of ${path}\n`);
      return 0;
    }
    throw commandErrors.KATA_USAGE({ problem: `"${positionals.join(" ").slice(0, 200)}" is not known`, usage });
  },
};
