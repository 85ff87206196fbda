import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Context } from "mocha";
import { createLinuxSys } from "../../src/core/sys/linux/index.js";
import type { LinkSpec } from "../../src/core/sys/netlink/link.js";
import { errnoNameOf } from "../../src/core/sys/sys-error.js";
import { skip } from "./skip.js";

const onParent = (kind: string, parent: number): LinkSpec => {
  if (kind === "vlan") return { kind, parent, id: 1 };
  if (kind === "ipvlan") return { kind, parent, mode: "l2" };
  throw new Error(`the kind ${kind} is not asked for`);
};

/** Skips a test or a suite whose links this kernel cannot make. Tried in a namespace of its own. */
export function needsLinkKind(context: Context, kind: "ipvlan" | "vlan"): void {
  const { namespaces, netlink } = createLinuxSys();
  const directory = mkdtempSync(join(tmpdir(), "kata-ts-kind-"));
  const namespace = join(directory, "net");
  namespaces.createNetworkNamespace(namespace);
  const route = netlink.route(namespace);
  try {
    route.createLink({ name: "a" }, { kind: "veth", peer: { name: "b" } });
    route.createLink({ name: "c" }, onParent(kind, route.link("a")?.index ?? 0));
  } catch (error) {
    if (errnoNameOf(error) !== "EOPNOTSUPP") throw error;
    skip(context, `this kernel has no links of kind ${kind}`);
  } finally {
    route.close();
    namespaces.removeNetworkNamespace(namespace);
    rmSync(directory, { recursive: true });
  }
}
