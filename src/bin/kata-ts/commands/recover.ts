import { parseArgs } from "node:util";
import { codeOf, describeError } from "../../../core/errors/error.js";
import { defaultRoots } from "../../../core/runtime/roots.js";
import { createLinuxSys } from "../../../core/sys/linux/index.js";
import { cleanUpSandbox } from "../../shim/cleanup.js";
import type { ShimName, ShimRoots } from "../../shim/layout.js";
import { knownSandboxes, inspect, type Leftover } from "../../shim/leftover.js";
import { type Command, commandErrors, orUsage } from "../command.js";
import { printListing } from "../output.js";
import { packageFile } from "../package-home.js";
import { startShim } from "../start-shim.js";

const usage = "kata-ts recover [--list] [--clean] [--namespace NAME] [--sandbox ID] [--run DIR] [--shim FILE] [--json]";

const options = {
  list: { type: "boolean", default: false },
  clean: { type: "boolean", default: false },
  namespace: { type: "string" },
  sandbox: { type: "string" },
  run: { type: "string", default: defaultRoots.run },
  shim: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

const builtShim = packageFile("dist/shim/containerd-shim-kata-ts-v2");

interface Row {
  readonly namespace: string;
  readonly sandbox: string;
  /** `recoverable` and `lost` as it was found, `recovered`, `cleaned` and `failed` what became of it. */
  readonly state: "served" | "recoverable" | "lost" | "recovered" | "cleaned" | "failed";
  /** Of its shim when that serves it, of its machine otherwise; 0 when neither is there. */
  readonly pid: number;
  readonly containers: readonly string[];
  readonly reason: string;
  /** The permanent code of `reason`. */
  readonly code: string;
}

/** Lists sandboxes whose shims are dead and starts new shims for those that live; removes what is left of the others. */
export const recoverCommand: Command = {
  name: "recover",
  usage,
  summary: "start new shims for sandboxes that live and whose shims are dead, and remove what is left of dead ones",
  async run(args) {
    const { values } = orUsage(usage, () => parseArgs({ args: [...args], options }));
    if (values.list && values.clean)
      throw commandErrors.KATA_USAGE({ problem: "--list changes nothing, and --clean does", usage });
    // Nothing is made below it here; where a shim listens it knows itself.
    const roots: ShimRoots = { run: values.run, sockets: "" };
    const { namespace = "", sandbox = "" } = values;
    const wanted = knownSandboxes(roots).filter(
      (name) => ["", name.namespace].includes(namespace) && ["", name.sandboxId].includes(sandbox),
    );
    const rows: Row[] = [];
    for (const name of wanted) {
      const found = inspect(roots, name);
      const row = rowOf(name, found);
      const act = values.list ? undefined : actionOf(roots, name, found, values.shim ?? builtShim, values.clean);
      rows.push(act === undefined ? row : await attempt(row, act));
    }
    print(rows, values.json);
    const missing = values.sandbox !== undefined && wanted.length === 0;
    if (missing) process.stderr.write(`kata-ts: there was no sandbox "${values.sandbox}" below ${roots.run}\n`);
    return missing || rows.some(({ state }) => state === "failed" || state === "lost") ? 1 : 0;
  },
};

type Action = () => Promise<"recovered" | "cleaned">;

/** What is done about a sandbox. One of which something runs is ended only when that was asked for. */
function actionOf(roots: ShimRoots, name: ShimName, found: Leftover, shim: string, clean: boolean): Action | undefined {
  if (found.kind === "served") return undefined;
  if (found.kind === "recoverable") {
    return async () => {
      await startShim(shim, name, found.start);
      return "recovered";
    };
  }
  if (found.alive && !clean) return undefined;
  return async () => {
    await cleanUpSandbox({ sys: createLinuxSys(), roots, name });
    return "cleaned";
  };
}

async function attempt(row: Row, act: Action): Promise<Row> {
  try {
    return { ...row, state: await act() };
  } catch (error) {
    return { ...row, state: "failed", ...reasonOf(error) };
  }
}

function rowOf({ namespace, sandboxId }: ShimName, found: Leftover): Row {
  const row = { namespace, sandbox: sandboxId, state: found.kind, pid: 0, containers: [], reason: "", code: "" };
  if (found.kind === "served") return { ...row, pid: found.pid };
  if (found.kind === "recoverable") return { ...row, pid: found.pid, containers: found.containers };
  return { ...row, ...reasonOf(found.reason) };
}

const reasonOf = (error: unknown): Pick<Row, "reason" | "code"> => ({
  reason: describeError(error).replaceAll(/\s*\n\s*/g, " "),
  code: codeOf(error) ?? "",
});

function print(rows: readonly Row[], json: boolean): void {
  const columns = [
    { title: "NAMESPACE", cell: (row: Row) => row.namespace },
    { title: "SANDBOX", cell: (row: Row) => row.sandbox },
    { title: "STATE", cell: (row: Row) => row.state },
    { title: "PID", cell: (row: Row) => (row.pid === 0 ? "" : String(row.pid)) },
    { title: "CONTAINERS", cell: (row: Row) => row.containers.join(",") },
    { title: "REASON", cell: (row: Row) => row.reason },
  ];
  printListing({ rows, columns }, json);
}
