import { close } from "node:fs";
import { promisify } from "node:util";

const closeBeside = promisify(close);

/** Closes descriptors beside the event loop: the kernel takes its time to remove the tap behind the last one. */
export async function closeFds(fds: readonly number[]): Promise<void> {
  await Promise.all(fds.map((fd) => closeBeside(fd)));
}
