import { spawn } from "node:child_process";
import { withDeadline } from "../../core/deadline.js";
import { KataError } from "../../core/errors/error.js";

/** What containerd tells a shim's program. */
export interface ShimCall {
  /** containerd's namespace. */
  readonly namespace: string;
  /** The container. */
  readonly id: string;
  /** Its bundle, in which the program runs. */
  readonly bundle: string;
  /** containerd's socket for events, which the program has as `TTRPC_ADDRESS`. */
  readonly eventsAddress: string;
  /** The program that publishes events where no socket is used: `PROGRAM publish --topic TOPIC --namespace NAMESPACE`. */
  readonly publishBinary: string;
}

/** A shim as containerd meets it before there is a connection. */
export interface FakeShim {
  /** Has a shim serve the container, a new one or the pod's; answers the socket it listens on already: `unix:///run/a.sock`. */
  start(call: ShimCall): Promise<string>;
  /** Cleans up after a container; containerd asks for it after every deletion, and when the shim is gone. */
  delete?(call: ShimCall): Promise<void>;
}

/** Milliseconds a program may take; containerd gives it more. */
const programMs = 10_000;

/**
 * A shim that is a program, called as containerd calls one (runtime v2's `start` and `delete`): in the bundle, with its flags and
 * `TTRPC_ADDRESS`. `env` is what it gets besides the environment of this process.
 */
export const shimProgram = (path: string, env: Readonly<Record<string, string>> = {}): FakeShim => ({
  start: (call) => run(path, [...flags(call), "start"], call, env),
  delete: async (call) => void (await run(path, [...flags(call), "-bundle", call.bundle, "delete"], call, env)),
});

/** containerd names its other socket here; the fake one has none but that for events. */
const flags = ({ namespace, id, eventsAddress, publishBinary }: ShimCall): string[] => {
  const address = eventsAddress.replace(/\.ttrpc$/, "");
  return ["-namespace", namespace, "-address", address, "-publish-binary", publishBinary, "-id", id];
};

/** Runs it to its end, and gives what it has written; its errors go where its output goes, but for `delete`. */
async function run(
  path: string,
  args: readonly string[],
  { bundle, eventsAddress }: ShimCall,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const child = spawn(path, [...args], {
    cwd: bundle,
    env: { ...process.env, ...env, TTRPC_ADDRESS: eventsAddress },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [output, errors] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const action = args.at(-1) ?? "";
  const ended = new Promise<number | null>((resolve, reject) => child.once("error", reject).once("close", resolve));
  try {
    const code = await withDeadline({ ms: programMs, what: `${path} ${action} to end` }, () => ended);
    // What a `start` says besides would be a part of the address.
    if (code === 0 && (action !== "start" || errors === "")) return output.trim();
    const message = `${path} ${action} ended with ${code}: ${errors || output}`;
    throw new KataError("KATA_FAKE", "UNKNOWN", message);
  } finally {
    child.kill("SIGKILL");
  }
}
