import type { Context } from "mocha";
import { needsRealKvm } from "./needs-kvm.js";

/** Machines of one hypervisor, for tests that are run with several. */
export interface MachineKind {
  readonly name: string;
  /** Lines of a configuration, the last of them in the hypervisor's table. */
  readonly lines: readonly string[];
  /** Skips where there are none. */
  readonly needs?: (context: Context) => Promise<void>;
}

export const qemu: MachineKind = { name: "qemu", lines: [] };

export const dragonball: MachineKind = {
  name: "dragonball",
  lines: [
    "[runtime]",
    'hypervisor_name = "dragonball"',
    "[agent.kata]",
    "reconnect_timeout_ms = 300000",
    "[hypervisor.dragonball]",
  ],
  needs: needsRealKvm,
};
