import { describeError } from "../../../core/errors/error.js";
import type { CheckContext, HostFinding } from "../../../core/plugin/host-check.js";
import { type FoundDaemon, findDaemon } from "./find-daemon.js";
import { chooseSandbox, sandboxFacts } from "./sandbox-mode.js";
import { virtioFsSettings } from "./settings.js";

const words: Readonly<Record<FoundDaemon["flavour"], string>> = { c: "the one in C", rust: "the one in Rust" };

/** Whether there is a virtiofsd, and how it will be sandboxed. Changes nothing. */
export async function checkHost({ sys, config }: CheckContext): Promise<readonly HostFinding[]> {
  const name = "virtiofsd";
  try {
    const { path, flavour } = await findDaemon(virtioFsSettings(config));
    const { mode, reason } = chooseSandbox(sandboxFacts(sys.mounts.list()));
    const detail = `${path}, ${words[flavour]}`;
    if (reason === undefined) return [{ name, state: "ok", detail: `${detail}, in namespaces of its own` }];
    const remedy = "run the shim as root of the host's own namespaces";
    return [{ name, state: "degraded", detail: `${detail}, sandboxed by ${mode} only: ${reason}`, remedy }];
  } catch (error) {
    return [{ name, state: "missing", detail: describeError(error), remedy: "apt-get install qemu-system-common" }];
  }
}
