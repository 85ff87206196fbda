import { chmodSync, mkdirSync } from "node:fs";
import { rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { EffectiveConfig } from "../config/effective.js";
import { codeOf } from "../errors/error.js";
import type { Logger } from "../log.js";
import type { Roots, SandboxEnvironment, SandboxInfo, SandboxRequest } from "../plugin/context.js";
import type { PluginHost } from "../plugin/host.js";
import { SandboxRecord } from "../sandbox/record.js";
import type { Scope } from "../scope.js";
import { assertId, runtimeErrors } from "./errors.js";

/** What opening a sandbox needs of the runtime. */
export interface OpenerParts {
  readonly scope: Scope;
  readonly roots: Roots;
  readonly namespace: string;
  readonly log: Logger;
  readonly host: () => PluginHost;
  readonly loadConfig: (request: SandboxRequest) => Promise<EffectiveConfig>;
}

/** How often directories are made again when the last sandbox of the namespace removes them at that moment. */
const attempts = 5;

async function makeRunDirectory(id: string, directory: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      // Node's asynchronous one calls a full disk ENOENT.
      mkdirSync(dirname(directory), { recursive: true, mode: 0o711 });
      mkdirSync(directory, { mode: 0o700 });
      return chmodSync(directory, 0o700);
    } catch (error) {
      const code = codeOf(error);
      if (code === "EEXIST") throw runtimeErrors.KATA_SANDBOX_EXISTS({ id, directory }, { cause: error });
      if (code === "ENOENT" && attempt < attempts) continue;
      await removeIfEmpty(dirname(directory));
      throw runtimeErrors.KATA_SANDBOX_DIRECTORY({ directory }, { cause: error });
    }
  }
}

/** Removes the directory, and its namespace's when that was the last one in it. */
async function removeRunDirectory(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await removeIfEmpty(dirname(directory));
}

async function removeIfEmpty(directory: string): Promise<void> {
  await rmdir(directory).catch((error: unknown) => {
    if (codeOf(error) !== "ENOTEMPTY" && codeOf(error) !== "ENOENT") throw error;
  });
}

/** Begins the record in the run directory that was just made; without one that does not stay either. */
async function beginRecord(directory: string, sandbox: { namespace: string; id: string }): Promise<SandboxRecord> {
  try {
    return SandboxRecord.create(directory, sandbox);
  } catch (error) {
    await removeRunDirectory(directory);
    throw error;
  }
}

/** Loads a sandbox's configuration, makes its run directory and its scope. */
export async function openSandbox(parts: OpenerParts, request: SandboxRequest): Promise<SandboxEnvironment> {
  assertId("the sandbox id", request.id);
  const config = await parts.loadConfig(request);
  const runDirectory = join(parts.roots.run, parts.namespace, request.id);
  await makeRunDirectory(request.id, runDirectory);
  const record = await beginRecord(runDirectory, { namespace: parts.namespace, id: request.id });
  const info: SandboxInfo = {
    id: request.id,
    namespace: parts.namespace,
    runDirectory,
    record,
    ...(request.networkNamespace !== undefined && { networkNamespace: request.networkNamespace }),
  };
  const scope = parts.scope.child(`sandbox ${request.id}`);
  scope.defer("run directory", () => removeRunDirectory(runDirectory));
  const log = parts.log.child({ sandbox: request.id });
  return { info, scope, config, plugins: parts.host().source({ scope, config, sandbox: info }), log };
}
