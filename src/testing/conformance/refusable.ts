import assert from "node:assert/strict";
import type { FakeSys } from "../fake-sys.js";
import type { Refused } from "../fake-sys/recorder.js";

/**
 * Calls by which something is made, and which the kernel may refuse at any time: there may be no memory, no descriptor, no
 * space, no right. Undoing is not among them, nor is asking what there is.
 */
const refusable: ReadonlySet<string> = new Set([
  "mounts.mount",
  "mounts.mountOci",
  "mounts.bind",
  "mounts.restrict",
  "mounts.move",
  "mounts.setPropagation",
  "files.openBeneath",
  "files.openInRoot",
  "files.mkdirBeneath",
  "files.touchBeneath",
  "files.writeFileAtomic",
  "files.writeAttribute",
  "files.lock",
  "files.mknod",
  "files.allocate",
  "namespaces.createNetworkNamespace",
  "netlink.route",
  "netlink.createLink",
  "netlink.changeLink",
  "netlink.addAddress",
  "netlink.addRoute",
  "netlink.addQdisc",
  "netlink.addFilter",
  "taps.open",
  "taps.openMacvtap",
  "processes.spawn",
  "processes.openPidfd",
  "fifos.create",
]);

/** More calls than anything makes that is tried: a trial which never ends is none. */
const mostRefusals = 500;

/**
 * Tries in which one call more goes well than in the one before: each begins to refuse by calling what it is given. The last
 * is the one in which nothing was refused.
 */
export function* refusals({ refuseNext }: Pick<FakeSys, "refuseNext">): Generator<() => Refused, void> {
  for (let count = 0; count < mostRefusals; count++) {
    let refusal: Refused | undefined;
    yield () => (refusal = refuseNext(refusable, count));
    if (refusal?.refused === undefined) return;
  }
  assert.fail(`it makes more than ${mostRefusals} calls`);
}
