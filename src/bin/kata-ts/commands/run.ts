import { parseArgs } from "node:util";
import { randomBytes } from "node:crypto";
import { mkdtemp, realpath, stat } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { withDeadline } from "../../../core/deadline.js";
import { describeError } from "../../../core/errors/error.js";
import { createLogger, type LogLevel } from "../../../core/log.js";
import {
  closeTaskIo,
  createTask,
  deleteTask,
  killTask,
  resizeTask,
  startTask,
  waitTask,
} from "../../../core/messages/task.js";
import { defaultSpec } from "../../../core/oci/default-spec.js";
import { catchLateErrors } from "../../../core/runtime/catch-late-errors.js";
import { Runtime } from "../../../core/runtime/runtime.js";
import { phaseDone } from "../../../core/sandbox/phases.js";
import { createLinuxSys } from "../../../core/sys/linux/index.js";
import { builtins } from "../../../plugins/builtins.js";
import { chooseHypervisor, formatChosen } from "../choose-hypervisor.js";
import { type Command, commandErrors, orUsage, splitAtDashes } from "../command.js";
import { attachStdio } from "../stdio.js";

const usage =
  "kata-ts run [--hypervisor NAME] [--config FILE] [--id ID] [--tty] [--read-only] [--env K=V]… [--timings] [--debug] ROOTFS -- COMMAND [ARG …]";

const options = {
  hypervisor: { type: "string" },
  config: { type: "string" },
  id: { type: "string" },
  tty: { type: "boolean", short: "t", default: false },
  "read-only": { type: "boolean", default: false },
  env: { type: "string", multiple: true, default: [] as string[] },
  timings: { type: "boolean", default: false },
  debug: { type: "boolean", default: false },
} as const;

/** Milliseconds in which the rest of the output must arrive once the process has ended. */
const drainTime = 5_000;

/** Milliseconds everything may take to end after an error that nobody caught. */
const crashTime = 20_000;
/** Exit code after such an error (`EX_SOFTWARE`). */
const crashed = 70;

/** Signals that are passed on to the container. */
const forwarded = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const;

/** Runs one container in a virtual machine, from a root file system, without containerd. */
export const runCommand: Command = {
  name: "run",
  usage,
  summary: "run a command of a root file system in a virtual machine of its own",
  async run(args) {
    const { before, after } = splitAtDashes(args);
    const { values, positionals } = orUsage(usage, () =>
      parseArgs({ args: [...before], options, allowPositionals: true }),
    );
    const [rootfs, ...extra] = positionals;
    if (rootfs === undefined || extra.length > 0 || after === undefined || after.length === 0) {
      throw commandErrors.KATA_USAGE({ problem: "one ROOTFS, and a COMMAND after --, are needed", usage });
    }
    const hypervisor = values.hypervisor ?? (await chooseUnnamed(values.config));
    const level: LogLevel = values.debug ? "debug" : "error";
    const sys = createLinuxSys();
    await using runtime = new Runtime({
      plugins: builtins,
      namespace: "kata-ts",
      ownsProcess: true,
      sys,
      log: createLogger((line) => process.stderr.write(`${line}\n`), level),
      ...(values.config && { configPath: values.config }),
      ...(hypervisor !== undefined && {
        overrides: [{ key: "runtime.hypervisor_name", value: hypervisor, name: "--hypervisor" }],
      }),
    });
    if (values.timings) {
      runtime.events.subscribe(phaseDone, "timings", ({ name, ms }) => {
        process.stderr.write(`${name.padEnd(24)} ${ms.toFixed(0).padStart(7)} ms\n`);
      });
    }
    const id = values.id ?? `run-${randomBytes(4).toString("hex")}`;
    const bundle = await mkdtemp(join(tmpdir(), "kata-ts-bundle-"));
    const stdio = await attachStdio(sys, values.tty);
    const tidy = async (): Promise<void> => {
      await stdio.close();
      await sys.files.removeTreeBeneath(dirname(bundle), basename(bundle));
    };
    const late = catchLateErrors(runtime, (error, kind) => void crash(runtime, error, kind, tidy));
    try {
      const spec = defaultSpec({
        rootPath: await directoryOf(rootfs),
        readOnly: values["read-only"],
        args: after,
        terminal: values.tty,
        ...(values.env.length > 0 && { env: values.env }),
      });
      await runtime.request(createTask({ containerId: id, bundle, spec, rootfs: [], io: stdio.io }));
      return await supervise(runtime, id, stdio, values.tty);
    } finally {
      late[Symbol.dispose]();
      await tidy();
    }
  },
};

/** Ends everything by force after an error that nobody caught: nothing is left behind. */
async function crash(runtime: Runtime, error: unknown, kind: string, tidy: () => Promise<void>): Promise<never> {
  process.stderr.write(`kata-ts: ${kind}: ${error instanceof Error ? error.stack : describeError(error)}\n`);
  const what = "everything to end after an error";
  const end = async () => {
    try {
      await runtime.destroy(error);
    } finally {
      await tidy();
    }
  };
  await withDeadline({ ms: crashTime, what }, end).catch((failure: unknown) => {
    process.stderr.write(`kata-ts: ${describeError(failure)}\n`);
  });
  process.exit(crashed);
}

/** The hypervisor of who has named none, neither here nor in the configuration; it is said which, and why. */
async function chooseUnnamed(config: string | undefined): Promise<string | undefined> {
  const choice = await chooseHypervisor(config === undefined ? {} : { config });
  if (choice !== undefined) process.stderr.write(`kata-ts: ${formatChosen(choice)}\n`);
  return choice?.name;
}

/** The directory that ROOTFS names, links resolved. */
async function directoryOf(path: string): Promise<string> {
  const found = await realpath(path).catch((cause: unknown) => {
    throw commandErrors.KATA_USAGE_ROOTFS({ path, problem: "cannot be opened" }, { cause });
  });
  if ((await stat(found)).isDirectory()) return found;
  throw commandErrors.KATA_USAGE_ROOTFS({ path, problem: "is not a directory" });
}

/** Starts the created container and stays until its end: signals, window size and stdin's end are passed on. */
async function supervise(
  runtime: Runtime,
  containerId: string,
  stdio: Awaited<ReturnType<typeof attachStdio>>,
  tty: boolean,
): Promise<number> {
  const main = { containerId, execId: "" };
  const warn = (error: unknown) => process.stderr.write(`kata-ts: ${String(error)}\n`);
  const onSignal = (signal: NodeJS.Signals) => {
    const number = constants.signals[signal];
    runtime.request(killTask({ ...main, signal: number, all: false })).catch(warn);
  };
  const onResize = () => {
    const [columns, rows] = process.stdout.getWindowSize();
    runtime.request(resizeTask({ ...main, columns, rows })).catch(warn);
  };
  for (const signal of forwarded) process.on(signal, onSignal);
  if (tty && process.stdin.isTTY) process.stdin.setRawMode(true);
  try {
    await runtime.request(startTask(main));
    if (tty && process.stdout.isTTY) {
      onResize();
      process.stdout.on("resize", onResize);
    }
    const exit = runtime.request(waitTask(main));
    void stdio.stdinEnded.then(() => runtime.request(closeTaskIo({ ...main, stdin: true }))).catch(() => undefined);
    const { status } = await exit;
    const late = new Promise((resolve) => setTimeout(resolve, drainTime).unref());
    await Promise.race([stdio.drained, late]);
    await runtime.request(deleteTask(main));
    return status;
  } finally {
    process.stdout.off("resize", onResize);
    for (const signal of forwarded) process.off(signal, onSignal);
    if (tty && process.stdin.isTTY) process.stdin.setRawMode(false);
  }
}
