import { describeError } from "../../../core/errors/error.js";
import type { ProcessStreams } from "../../../core/io/process-streams.js";
import type { ProcessExit, ProcessId } from "../../../core/messages/task.js";
import type { PluginContext } from "../../../core/plugin/context.js";
import type { ContainerState, ProcessState } from "../../../core/sandbox/state.js";
import { Container } from "./container.js";
import { containerParts, openStreams } from "./container-parts.js";
import { Process } from "./process.js";
import { VirtSandbox } from "./sandbox.js";

/** Told of the end of every process of the sandbox. */
export type OnExit = (id: ProcessId, sandbox: VirtSandbox, exit: ProcessExit) => void;

/**
 * Takes over a sandbox whose shim was killed: its machine first, then its containers, and when all is there the ends of their
 * processes and their output. When it fails everything is left as it was found.
 */
export async function recover(context: PluginContext, sandboxId: string, onExit: OnExit): Promise<VirtSandbox> {
  const env = await context.openSandbox({ id: sandboxId, annotations: {}, adopted: true });
  const { state } = env;
  if (state === undefined) throw new Error(`the sandbox "${sandboxId}" was opened without its state`);
  // The guest was told long ago.
  const guest = { sandboxId, hostname: "", dns: [], sharedPidNamespace: false };
  const own = state.containers.find(({ request }) => request.containerId === sandboxId);
  const cgroupsPath = own?.request.spec.linux?.cgroupsPath;
  const isPod = own?.role === "sandbox";
  const sandbox = new VirtSandbox(context, env, {
    guest,
    cgroupsPath,
    isPod,
    annotations: state.annotations,
    known: [],
  });
  const opened: ProcessStreams[] = [];
  try {
    await sandbox.adopt(state);
    for (const one of state.containers) await adoptContainer(context, sandbox, one, onExit, opened);
    (await sandbox.parts()).disks.adopted();
    await sandbox.begin();
  } catch (error) {
    for (const streams of opened) await streams.close();
    await sandbox.abandon(error);
    throw error;
  }
  for (const container of sandbox.containers.values())
    for (const process of container.processes()) process.resume(sandbox.lost);
  await sandbox.keep();
  env.log.info("the sandbox was recovered", { pid: sandbox.pid, containers: [...sandbox.containers.keys()] });
  return sandbox;
}

async function adoptContainer(
  context: PluginContext,
  sandbox: VirtSandbox,
  { request, role, resources, processes }: ContainerState,
  onExit: OnExit,
  opened: ProcessStreams[],
): Promise<void> {
  const { containerId, bundle } = request;
  const parts = await sandbox.parts();
  const scope = sandbox.env.scope.child(`container ${containerId}`);
  const processParts = async (adopted: ProcessState) => {
    const id = { containerId, execId: adopted.execId };
    const streams = await streamsAgain(context, sandbox, id, adopted, bundle);
    opened.push(streams);
    return { streams, log: sandbox.env.log, onExit: (exit: ProcessExit) => onExit(id, sandbox, exit), adopted };
  };
  const [first, ...execs] = processes;
  if (first === undefined) return;
  const container = new Container(containerParts(sandbox, parts, { request, role, scope }), await processParts(first));
  for (const exec of execs) {
    const { execId, io, spec } = exec;
    if (spec === undefined) continue;
    const id = { containerId, execId };
    container.addExec(new Process({ ...(await processParts(exec)), id, io, agent: parts.agent }), spec);
  }
  await container.adopt(resources);
  sandbox.containers.set(containerId, container);
}

/** The streams of a process as they were; those that nobody can open any more, and of one that has ended, go nowhere. */
async function streamsAgain(
  context: PluginContext,
  sandbox: VirtSandbox,
  id: ProcessId,
  { io, exit }: ProcessState,
  bundle: string,
): Promise<ProcessStreams> {
  const nowhere = { terminal: io.terminal };
  if (exit !== undefined) return openStreams(context, sandbox, id, nowhere, bundle);
  try {
    return await openStreams(context, sandbox, id, io, bundle);
  } catch (error) {
    sandbox.env.log.warn("the stdio of a process cannot be opened again", { ...id, error: describeError(error) });
    return openStreams(context, sandbox, id, nowhere, bundle);
  }
}
