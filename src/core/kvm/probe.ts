import { accessSync, constants, existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { codeOf, messageOf } from "../errors/error.js";
import { type Logger, silentLogger } from "../log.js";
import { Child, forcedKill } from "../process/child.js";
import { hostFingerprint, type KvmVerdict, readVerdict, writeVerdict } from "./verdict-cache.js";

/** How KVM is probed. */
export interface KvmProbeOptions {
  /** `/dev/kvm` unless told. */
  readonly device?: string;
  /** Where the verdict is kept for other processes: `<roots.run>/kvm.json`. Nothing is kept when absent. */
  readonly cacheFile?: string;
  /** Program and arguments of the process that runs the guest, to be followed by the device. */
  readonly command?: readonly [string, ...string[]];
  /** Milliseconds that process has to start, and then for the guest to run. */
  readonly startMs?: number;
  readonly runMs?: number;
  readonly log?: Logger;
}

/** What the probing process writes, a line each: what it tries next, or how it ended. */
export type ProbeMessage = { readonly step: string } | { readonly done: true } | { readonly failure: string };

// A guest that does not end in time may only have had a busy host.
const timeoutHoldsMs = 10 * 60_000;

/** The file beside this one, or beside the bundle this is part of, that runs the guest. */
function defaultCommand(): [string, ...string[]] {
  const beside = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const entry = [beside("./probe-entry.js"), beside("./kvm-probe.js"), beside("./kvm-probe.cjs")].find(existsSync);
  return [process.execPath, entry ?? beside("./probe-entry.js")];
}

function unusable(reason: string): KvmVerdict {
  return { usable: false, reason };
}

/** What can be said without a guest; undefined when the device is there to be tried. */
function missing(device: string): KvmVerdict | undefined {
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    if (codeOf(error) === "ENOENT")
      return unusable(
        `there is no ${device}: the CPU's virtualization is off, or the modules kvm_intel and kvm_amd are not loaded`,
      );
    return unusable(`${device} cannot be opened: ${messageOf(error)}`);
  }
}

function parseMessage(line: string): ProbeMessage | undefined {
  try {
    return JSON.parse(line) as ProbeMessage;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

interface Outcome {
  readonly verdict: KvmVerdict;
  /** How long it holds, in milliseconds; until the next boot when absent. */
  readonly holdsMs?: number;
}

/** Runs the guest in a process of its own, because a KVM that does not work may never return. */
async function runGuest(device: string, options: KvmProbeOptions): Promise<Outcome> {
  const { startMs = 30_000, runMs = 3000 } = options;
  const [command, ...args] = options.command ?? defaultCommand();
  let step: string | undefined;
  let end: ProbeMessage | undefined;
  let begun: () => void = () => undefined;
  const started = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const child = await Child.spawn({
    name: "the KVM probe",
    command,
    args: [...args, device],
    onLine(line) {
      const message = parseMessage(line);
      if (message === undefined) return;
      if ("step" in message) step = message.step;
      else end = message;
      begun();
    },
  });
  try {
    await Promise.race([started, child.waitFor(startMs)]);
    await child.waitFor(runMs);
  } finally {
    await child.end(forcedKill);
  }
  if (end !== undefined && "done" in end) return { verdict: { usable: true, reason: "it ran a probe guest" } };
  if (end !== undefined && "failure" in end) {
    // Before the first step nothing has been tried, and nothing was learned that would hold.
    if (step === undefined) return { verdict: unusable(`${device} could not be tried: ${end.failure}`), holdsMs: 0 };
    return { verdict: unusable(`${device} cannot run a guest: trying to ${step}, ${end.failure}`) };
  }
  if (step !== undefined && child.exit?.signal === "SIGKILL") {
    const reason = `${device} cannot run a guest: told to ${step}, it had not done so within ${runMs} ms`;
    return { verdict: unusable(reason), holdsMs: timeoutHoldsMs };
  }
  const said = child.tail(3).join(" | ");
  return { verdict: unusable(`${device} could not be tried${said === "" ? "" : `: ${said}`}`), holdsMs: 0 };
}

/**
 * Whether KVM runs real guests here: not whether there is a device, but whether a small guest that does what every kernel
 * does first gets to its end (64-bit code, model-specific registers, SSE, int3, a page fault, rewritten code, fast enough).
 * Takes about a tenth of a second once a boot; the verdict is then kept. Never rejects for a KVM that does not work.
 */
export async function probeKvm(options: KvmProbeOptions = {}): Promise<KvmVerdict> {
  const { device = "/dev/kvm", cacheFile, log = silentLogger } = options;
  const absent = missing(device);
  if (absent !== undefined) return absent;
  const host = hostFingerprint(device);
  const known = cacheFile === undefined ? undefined : readVerdict(cacheFile, host);
  if (known !== undefined) return known;
  const { verdict, holdsMs } = await runGuest(device, options);
  if (cacheFile !== undefined && holdsMs !== 0) {
    try {
      writeVerdict(cacheFile, host, verdict, holdsMs);
    } catch (error) {
      log.warn("the verdict on KVM could not be kept, the next machine probes again", { file: cacheFile, error });
    }
  }
  return verdict;
}
