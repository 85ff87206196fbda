import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Makes a root file system of the distribution's static busybox, with all its applets, in `directory`. */
export function makeBusyboxRootfs(directory: string): void {
  for (const name of ["bin", "dev", "etc", "proc", "root", "sys", "tmp"]) {
    mkdirSync(join(directory, name), { recursive: true });
  }
  copyFileSync("/bin/busybox", join(directory, "bin", "busybox"));
  const { stdout } = spawnSync("/bin/busybox", ["--list"], { encoding: "utf8" });
  for (const applet of stdout.split("\n")) {
    if (applet !== "" && applet !== "busybox") symlinkSync("busybox", join(directory, "bin", applet));
  }
  writeFileSync(join(directory, "etc", "passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  writeFileSync(join(directory, "etc", "group"), "root:x:0:\n");
}
