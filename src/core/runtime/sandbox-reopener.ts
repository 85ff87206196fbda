import { join } from "node:path";
import type { SandboxEnvironment, SandboxInfo } from "../plugin/context.js";
import { SandboxRecord } from "../sandbox/record.js";
import { loadState } from "../sandbox/state-file.js";
import { stateErrors } from "../sandbox/state-errors.js";
import type { OpenerParts } from "./sandbox-opener.js";

/**
 * Takes over the directory, the record and the state of a sandbox whose process was killed. Nothing is deferred to its scope:
 * what is there must survive until all of it has been taken over.
 */
export async function reopenSandbox(parts: OpenerParts, id: string): Promise<SandboxEnvironment> {
  const { namespace, roots } = parts;
  const runDirectory = join(roots.run, namespace, id);
  const state = loadState(runDirectory, { namespace, id });
  const record = SandboxRecord.load(runDirectory);
  if (record === undefined) {
    const problem = `there is no record of what it has made in ${runDirectory}`;
    throw stateErrors.KATA_RECOVER_PART({ what: `the sandbox "${id}"`, problem });
  }
  record.takeOver();
  const { annotations, networkNamespace } = state;
  const config = await parts.loadConfig({ id, annotations });
  const info: SandboxInfo = {
    id,
    namespace,
    runDirectory,
    record,
    ...(networkNamespace !== undefined && { networkNamespace }),
  };
  const scope = parts.scope.child(`sandbox ${id}`);
  const log = parts.log.child({ sandbox: id });
  const plugins = parts.host().source({ scope, config, sandbox: info });
  return { info, scope, config, plugins, log, state, broken: parts.broken(id, scope) };
}
