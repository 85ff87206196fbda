import type { StdioSetup } from "./stdio.js";

/** What starts a process in the guest. */
export interface RuntimeLaunch {
  /** Directory with `config.json`, which is the runtime's to write its own files to. */
  readonly bundle: string;
  readonly stdio: StdioSetup;
}

/**
 * What makes containers: crun, or in tests something that needs no root. The processes it leaves behind are the agent's
 * children, or become so before its promise settles.
 */
export interface OciRuntime {
  /** Makes the container and its first process, which waits to be started; gives its pid. */
  create(id: string, launch: RuntimeLaunch): Promise<number>;
  /** Has the first process go on. `whole`: with everything the runtime itself does then (hooks). */
  start(id: string, whole: boolean): Promise<void>;
  /** Starts a further process from an OCI process in JSON; gives its pid. */
  exec(id: string, process: string, launch: RuntimeLaunch): Promise<number>;
  /** Sets limits from OCI resources in JSON. */
  update(id: string, resources: string, bundle: string): Promise<void>;
  /** Forgets a container whose processes have ended. `whole` as for `start`. */
  delete(id: string, whole: boolean): Promise<void>;
}
