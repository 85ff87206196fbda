import { defineErrors } from "../errors/error.js";

const said = (lines: readonly string[]) => (lines.length === 0 ? "it said nothing" : `it said: ${lines.join(" | ")}`);

export const processErrors = defineErrors({
  KATA_PROCESS_SPAWN: {
    status: "FAILED_PRECONDITION",
    message: (p: { name: string; command: string; problem: string }) =>
      `cannot run ${p.name} (${p.command}): ${p.problem}`,
  },
  KATA_PROCESS_STUCK: {
    status: "INTERNAL",
    message: (p: { name: string; pid: number; signals: readonly string[]; lines: readonly string[] }) =>
      `${p.name} (pid ${p.pid}) is still there after ${p.signals.join(", ")}; ${said(p.lines)}`,
  },
});
