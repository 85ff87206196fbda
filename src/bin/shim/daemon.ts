import { join } from "node:path";
import { withDeadline } from "../../core/deadline.js";
import { describeError } from "../../core/errors/error.js";
import type { Source } from "../../core/config/source.js";
import { createLogger, type Logger } from "../../core/log.js";
import { recoverSandbox } from "../../core/messages/recovery.js";
import { catchLateErrors } from "../../core/runtime/catch-late-errors.js";
import { Runtime } from "../../core/runtime/runtime.js";
import { loadState } from "../../core/sandbox/state-file.js";
import { createLinuxSys } from "../../core/sys/linux/index.js";
import { builtins } from "../../plugins/builtins.js";
import type { DeletedContainer, TaskServiceConfig } from "../../plugins/services/task/config.js";
import { dropClaim } from "./claim.js";
import { writeDeleted } from "./deleted.js";
import type { Handover } from "./handover.js";
import { giveBackWhenIdle } from "./idle-memory.js";
import { runDirectory } from "./layout.js";
import { descriptorSink } from "./log-sink.js";
import { closeInheritedDescriptors, leaveSession, raiseOomScore } from "./process-setup.js";
import { removeSocket } from "./socket.js";
import { noteStart } from "./start-parameters.js";
import { version } from "./version.js";

/** Exit code after an error nobody caught (`EX_SOFTWARE`). */
const crashed = 70;
/** Exit code when a sandbox could not be taken over (`EX_UNAVAILABLE`). */
const notRecovered = 69;
/** Milliseconds everything may take to end after such an error. */
const crashTime = 20_000;
/** Milliseconds a handle that somebody forgot may keep the process after its end. */
const lingerTime = 1_000;

/**
 * The shim's process from the moment its address was printed: puts the runtime together, serves containerd until that
 * says Shutdown and nothing is left, removes what is the shim's own, and ends.
 */
export async function serve(handover: Handover): Promise<void> {
  const { roots, name, connections, socket, debug } = handover;
  const log = createLogger(descriptorSink(2), debug ? "debug" : "info", { shim: name.sandboxId });
  process.chdir("/");
  const sys = createLinuxSys();
  const configSources = handover.adopted && configurationLeft(handover);
  const runtime = new Runtime({
    plugins: builtins,
    namespace: name.namespace,
    roots: { run: roots.run, shared: join(roots.run, "shared") },
    ownsProcess: true,
    sys,
    log,
    importer: handover.importer,
    ...(configSources && { configSources }),
  });
  const removeOwn = (): void => {
    connections.close();
    removeSocket(socket);
    dropClaim(roots, name);
  };
  giveBackWhenIdle(runtime.events, sys);
  handleSignals(log);
  handleCrashes(log, runtime, removeOwn);
  const config: TaskServiceConfig = {
    listen: { connections },
    namespace: name.namespace,
    publisher: { address: handover.eventsAddress },
    release: async () => removeOwn(),
    deleted: (container) => noteDeleted(container, log),
  };
  const service = await runtime.createService("task", config);
  if (handover.adopted) await recover(handover, runtime, log);
  await service.start();
  closeInheritedDescriptors();
  raiseOomScore(log);
  leaveSession(sys, log);
  log.info("the shim serves", { version, pid: process.pid, socket });
  await noteStart(sys, handover).catch((error: unknown) =>
    log.warn("cannot note how this shim was started; its sandbox cannot be recovered when it dies", { error }),
  );
  await service.finished;
  await runtime.close();
  log.info("the shim ends");
  setTimeout(() => process.exit(0), lingerTime).unref();
}

/** The configuration that the sandbox was made with. */
function configurationLeft({ roots, name, adopted }: Handover): readonly Source[] {
  try {
    const { namespace, sandboxId: id } = name;
    return loadState(runDirectory(roots, name), { namespace, id }).configuration;
  } catch (error) {
    adopted?.refuse(error);
    process.exit(notRecovered);
  }
}

/** Takes over what another shim has left. When that fails this process goes, and nothing is undone: that is for `delete`. */
async function recover({ name: { sandboxId }, adopted }: Handover, runtime: Runtime, log: Logger): Promise<void> {
  try {
    await runtime.request(recoverSandbox({ sandboxId }));
    adopted?.announce();
  } catch (error) {
    log.error("the sandbox cannot be recovered", { error: describeError(error) });
    adopted?.refuse(error);
    process.exit(notRecovered);
  }
}

/** Leaves the answer for the `delete` that containerd is about to run; without it that one has to look for itself. */
function noteDeleted({ bundle, response }: DeletedContainer, log: Logger): void {
  try {
    writeDeleted(bundle, response);
  } catch (error) {
    log.warn("cannot note that a container is deleted", { bundle, error });
  }
}

/** containerd ends shims by Shutdown. What sends SIGTERM is an init that stops a unit, before the containers in it. */
function handleSignals(log: Logger): void {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    process.on(signal, () => log.warn("a signal is ignored: containerd ends this process by Shutdown", { signal }));
  }
}

/** An error that nobody caught, and that is no plugin's alone, ends everything by force: what is half broken must not go on. */
function handleCrashes(log: Logger, runtime: Runtime, removeOwn: () => void): void {
  let crashing = false;
  const crash = (error: unknown, kind: string): void => {
    const stack = error instanceof Error ? error.stack : undefined;
    log.error(kind, { error: describeError(error), stack });
    if (crashing) return;
    crashing = true;
    const what = "everything to end after an error";
    withDeadline({ ms: crashTime, what }, () => runtime.destroy(error))
      .catch((failure: unknown) => log.error("cannot end everything", { error: describeError(failure) }))
      .finally(() => {
        removeOwn();
        process.exit(crashed);
      });
  };
  catchLateErrors(runtime, crash);
}
