import { readlinkSync } from "node:fs";
import { sysErrors } from "../../core/sys/errors.js";
import type { Files } from "../../core/sys/files.js";
import type { Mounts } from "../../core/sys/mounts.js";

/** Real files that respect pretended mounts: a tree that holds one is not removed, as the kernel would have it. */
export function guardTrees(files: Files, mounts: Mounts): Files {
  return new Proxy(files, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (property === "removeTreeBeneath") {
        const guarded: Files["removeTreeBeneath"] = async (root, relative) => {
          const base = typeof root === "number" ? readlinkSync(`/proc/self/fd/${root}`) : root;
          const [inTheWay] = mounts.below(`${base}/${relative}`);
          if (inTheWay !== undefined) throw sysErrors.KATA_SYS_CROSSES_MOUNT({ path: inTheWay.mountPoint });
          await target.removeTreeBeneath(root, relative);
        };
        return guarded;
      }
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
