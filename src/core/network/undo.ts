import type { RecordedNetwork } from "../sandbox/record.js";
import { errnoNameOf } from "../sys/sys-error.js";
import type { Sys } from "../sys/sys.js";
import { giveBack } from "./taken-device.js";

/** What is not there any more: the namespace, the link, or what hung on it (EINVAL: no qdisc). */
const gone = new Set(["ENOENT", "ENODEV", "EINVAL"]);

/** Undoes a change of the network that a record names. What is not there any more is no error. */
export async function undoNetwork(sys: Sys, noted: RecordedNetwork): Promise<void> {
  try {
    if (noted.kind === "driver") await giveBack(sys, noted);
    else undoOnLink(sys, noted);
  } catch (error) {
    if (!gone.has(errnoNameOf(error) ?? "")) throw error;
  }
}

function undoOnLink(sys: Sys, noted: Exclude<RecordedNetwork, { kind: "driver" }>): void {
  const route = sys.netlink.route(noted.namespace);
  try {
    const link = route.link(noted.link);
    if (link === undefined) return;
    if (noted.kind === "link") route.removeLink(link.index);
    else route.removeQdisc(link.index, noted.parent);
  } finally {
    route.close();
  }
}
