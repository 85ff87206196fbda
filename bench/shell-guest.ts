import { currentGuestImage } from "../guest/image/index.js";
import { defaultRoots } from "../src/core/runtime/roots.js";
import type { TypedShell } from "./shell.js";

/** Milliseconds in which a shell is there: an emulated guest takes its time. */
const shellMs = 120_000;

/** What a machine boots to have a shell on its console and no agent: the guest's files, by its own parameters. */
export function shellGuest() {
  const image = currentGuestImage(defaultRoots.guestCache);
  if (image === undefined) throw new Error("no guest is built");
  return { image, commandLine: `console=ttyS0 quiet ${image.manifest.kernelParams.join(" ")} init=/bin/sh` };
}

/** Resolves when the shell of such a machine is there, and says no more than what its scripts write. */
export async function shellReady(shell: TypedShell): Promise<void> {
  await shell.shows(/ # /, shellMs);
  await shell.run("stty -echo");
}
