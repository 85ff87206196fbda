import { accessSync, constants, statSync } from "node:fs";
import { codeOf, messageOf } from "../errors/error.js";
import type { ChosenTables, Complain } from "./constraints.js";

const kindProblem = "is no file";

/** Says what keeps a path from being used as a program or as an image; undefined when nothing does. */
function fileProblem(path: string, isProgram: boolean): string | undefined {
  try {
    const stat = statSync(path);
    if (!stat.isFile() && !stat.isBlockDevice()) return kindProblem;
    accessSync(path, isProgram ? constants.X_OK : constants.R_OK);
    return undefined;
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return "does not exist";
    if (code === "EACCES") return isProgram ? "cannot be executed" : "cannot be read";
    return messageOf(error);
  }
}

/** Checks that the files that the chosen hypervisor is told to use are there. What nothing sets is the plugin's to find. */
export function checkFiles({ hypervisor }: ChosenTables, isSet: (key: string) => boolean, complain: Complain): void {
  const { path, kernel, image, initrd, firmware, virtio_fs_daemon, shared_fs } = hypervisor;
  const needsDaemon = shared_fs === "virtio-fs" || shared_fs === "virtio-fs-nydus";
  const files = { path, kernel, image, initrd, firmware, ...(needsDaemon && { virtio_fs_daemon }) };
  for (const [key, file] of Object.entries(files)) {
    if (file === "" || !isSet(key)) continue;
    const problem = fileProblem(file, key === "path" || key === "virtio_fs_daemon");
    if (problem !== undefined) complain("hypervisor", key, `is ${JSON.stringify(file)}, which ${problem}`);
  }
}
