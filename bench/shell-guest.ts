import { currentGuestImage } from "../guest/image/index.js";
import { defaultRoots } from "../src/core/runtime/roots.js";

/** Milliseconds in which a shell is there: an emulated guest takes its time. */
export const shellMs = 120_000;

/** What a machine boots to have a shell on its console and no agent: the guest's files, by its own parameters. */
export function shellGuest() {
  const image = currentGuestImage(defaultRoots.guestCache);
  if (image === undefined) throw new Error("no guest is built");
  return { image, commandLine: `console=ttyS0 quiet ${image.manifest.kernelParams.join(" ")} init=/bin/sh` };
}
