import { join } from "node:path";
import type { EffectiveConfig } from "../config/effective.js";
import type { Logger } from "../log.js";
import type { Roots, SandboxEnvironment, SandboxInfo, SandboxRequest } from "../plugin/context.js";
import type { PluginHost } from "../plugin/host.js";
import { SandboxRecord } from "../sandbox/record.js";
import type { Scope } from "../scope.js";
import type { Sys } from "../sys/sys.js";
import { assertId } from "./errors.js";
import { makeRunDirectory, removeRunDirectory } from "./run-directory.js";
import { reopenSandbox } from "./sandbox-reopener.js";

/** What opening a sandbox needs of the runtime. */
export interface OpenerParts {
  readonly scope: Scope;
  readonly sys: Sys;
  readonly roots: Roots;
  readonly namespace: string;
  readonly log: Logger;
  readonly host: () => PluginHost;
  /** Settles when a plugin of the sandbox has thrown an error that nobody caught. */
  readonly broken: (sandbox: string, scope: Scope) => Promise<Error>;
  readonly loadConfig: (request: SandboxRequest) => Promise<EffectiveConfig>;
}

/** Begins the record in the run directory that was just made; without one that does not stay either. */
async function beginRecord(
  sys: Sys,
  directory: string,
  sandbox: { namespace: string; id: string },
): Promise<SandboxRecord> {
  try {
    return SandboxRecord.create(directory, sandbox);
  } catch (error) {
    await removeRunDirectory(sys, directory);
    throw error;
  }
}

/** Loads a sandbox's configuration, makes its run directory and its scope. */
export async function openSandbox(parts: OpenerParts, request: SandboxRequest): Promise<SandboxEnvironment> {
  assertId("the sandbox id", request.id);
  if (request.adopted) return reopenSandbox(parts, request.id);
  const config = await parts.loadConfig(request);
  const runDirectory = join(parts.roots.run, parts.namespace, request.id);
  await makeRunDirectory(request.id, runDirectory);
  const record = await beginRecord(parts.sys, runDirectory, { namespace: parts.namespace, id: request.id });
  const info: SandboxInfo = {
    id: request.id,
    namespace: parts.namespace,
    runDirectory,
    record,
    ...(request.networkNamespace !== undefined && { networkNamespace: request.networkNamespace }),
  };
  const scope = parts.scope.child(`sandbox ${request.id}`);
  scope.defer("run directory", () => removeRunDirectory(parts.sys, runDirectory));
  const log = parts.log.child({ sandbox: request.id });
  const plugins = parts.host().source({ scope, config, sandbox: info });
  return { info, scope, config, plugins, log, broken: parts.broken(request.id, scope) };
}
