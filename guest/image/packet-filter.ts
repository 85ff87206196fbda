import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { imageErrors } from "./errors.js";
import type { PlacedFile } from "./shared-libraries.js";

/** iptables as an image has it. */
export interface PacketFilter {
  /** The one program, and the extensions it loads: a library for each match and target. */
  readonly files: readonly PlacedFile[];
  /** Names it goes by, each with what the link says. */
  readonly symlinks: readonly (readonly [path: string, target: string])[];
}

/** The distribution's variant that speaks to nf_tables: what containers of the guest use, so that both see the same rules. */
const program = "xtables-nft-multi";

const programNames = ["iptables", "ip6tables"].flatMap((name) => [name, `${name}-save`, `${name}-restore`]);

/** Extensions of iptables and ip6tables; the package has those of ebtables and arptables too. */
const extension = /^lib(xt|ipt|ip6t)_\w+\.so$/;

/** Finds iptables below `root`, which is like `/`; `multiarch` is the directory of the architecture below `/usr/lib`. */
export function findPacketFilter(root: string, multiarch: string): PacketFilter {
  const path = `/usr/sbin/${program}`;
  const directory = `/usr/lib/${multiarch}/xtables`;
  for (const needed of [path, directory]) {
    if (!existsSync(join(root, needed))) throw imageErrors.KATA_GUEST_IMAGE_FILE({ path: needed, package: "iptables" });
  }
  const names = readdirSync(join(root, directory)).filter((name) => extension.test(name));
  const paths = [path, ...names.sort().map((name) => `${directory}/${name}`)];
  return {
    files: paths.map((one) => ({ path: one, source: join(root, one) })),
    symlinks: programNames.map((name) => [`/usr/sbin/${name}`, program]),
  };
}
