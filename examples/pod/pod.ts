import { join } from "node:path";
import {
  type CreateTask,
  createTask,
  defaultSpec,
  deleteTask,
  KataError,
  killTask,
  type ProcessIo,
  type Runtime,
  startTask,
  waitTask,
} from "kata-ts";

/** A pod of two containers: one that serves, and one that does its work while the other does. */
export interface PodOptions {
  /** Its containers are `NAME-server` and `NAME-client`. */
  readonly name: string;
  /** The directory that both have as their root. */
  readonly rootPath: string;
  /** A directory for their bundles. */
  readonly bundles: string;
  readonly server: readonly string[];
  readonly client: readonly string[];
  /** The file that the client's output goes to. */
  readonly output: string;
}

/** Signal of `kill -9`. */
const killed = 9;

/** Annotations by which a container says which pod it is of; the first is the pod itself, and the pod ends with it. */
const of = (pod: string, role: "sandbox" | "container") => ({
  "io.kubernetes.cri.container-type": role,
  "io.kubernetes.cri.sandbox-id": pod,
});

/**
 * Runs a pod in a virtual machine of its own until the client has ended, and answers with what status. Both containers see the
 * same network, so the client finds the server at 127.0.0.1. Both are removed again, also when something fails.
 */
export async function runPod(runtime: Runtime, options: PodOptions): Promise<number> {
  const { name, rootPath, bundles, server, client, output } = options;
  const [serverId, clientId] = [`${name}-server`, `${name}-client`];
  const container = (containerId: string, args: readonly string[], io: ProcessIo): CreateTask => {
    const annotations = of(serverId, containerId === serverId ? "sandbox" : "container");
    const spec = defaultSpec({ rootPath, args, annotations });
    return { containerId, bundle: join(bundles, containerId), spec, rootfs: [], io };
  };
  const file = { stdout: `file://${output}`, stderr: `file://${output}`, terminal: false };
  return withContainer(runtime, container(serverId, server, { terminal: false }), () =>
    withContainer(runtime, container(clientId, client, file), async () => {
      const { status } = await runtime.request(waitTask({ containerId: clientId, execId: "" }));
      return status;
    }),
  );
}

/** Does something while a container runs, and removes that afterwards. */
async function withContainer<T>(runtime: Runtime, request: CreateTask, act: () => Promise<T>): Promise<T> {
  const id = { containerId: request.containerId, execId: "" };
  await runtime.request(createTask(request));
  try {
    await runtime.request(startTask(id));
    return await act();
  } finally {
    await runtime.request(killTask({ ...id, signal: killed, all: true })).catch((error: unknown) => {
      if (!(error instanceof KataError && error.code === "KATA_PROCESS_FINISHED")) throw error;
    });
    await runtime.request(waitTask(id));
    await runtime.request(deleteTask(id));
  }
}
