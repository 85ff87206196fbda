import type { MicroVmEnd } from "../../../vmm/machine-spec.js";

/** Why a machine ended, in words for whoever has it; undefined when it was told to. */
export function reasonOf(end: MicroVmEnd): string | undefined {
  switch (end.kind) {
    case "stopped":
      return undefined;
    case "powered off":
      return "its guest powered it off";
    case "reset":
      return "its guest reset it";
    case "shut down":
      return "a processor of its guest stopped at a triple fault";
    case "failed":
      return end.why;
  }
}
