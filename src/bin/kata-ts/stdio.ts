import { mkdtemp } from "node:fs/promises";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { finished } from "node:stream/promises";
import type { ProcessIo } from "../../core/messages/task.js";
import type { Sys } from "../../core/sys/sys.js";

/** This program's stdio, joined to a process through fifos, the way containerd's clients do it. */
export interface AttachedStdio {
  readonly io: ProcessIo;
  /** Settles when our stdin has ended: the process's stdin is to be closed then. */
  readonly stdinEnded: Promise<void>;
  /** Settles when all output has been printed. */
  readonly drained: Promise<void>;
  close(): Promise<void>;
}

/** Makes the fifos in a directory of its own and starts copying. */
export async function attachStdio(sys: Sys, terminal: boolean): Promise<AttachedStdio> {
  const directory = await mkdtemp(join(tmpdir(), "kata-ts-"));
  const names = terminal ? (["stdin", "stdout"] as const) : (["stdin", "stdout", "stderr"] as const);
  const paths = Object.fromEntries(names.map((name) => [name, join(directory, name)]));
  for (const path of Object.values(paths)) sys.fifos.create(path, 0o600);
  const io: ProcessIo = { ...paths, terminal };

  const outputs: Socket[] = [];
  for (const [name, target] of [
    ["stdout", process.stdout],
    ["stderr", process.stderr],
  ] as const) {
    const path = io[name];
    if (path === undefined) continue;
    const source = sys.fifos.stream(path, "read");
    source.pipe(target, { end: false });
    outputs.push(source);
  }
  const stdin = sys.fifos.stream(join(directory, "stdin"), "write", { holdOtherEnd: true });
  process.stdin.pipe(stdin);
  const drained = Promise.all(outputs.map((source) => finished(source, { writable: false }).catch(() => undefined)));
  return {
    io,
    stdinEnded: finished(process.stdin, { writable: false }).catch(() => undefined),
    drained: drained.then(() => undefined),
    async close() {
      process.stdin.unpipe(stdin);
      process.stdin.destroy();
      for (const stream of [stdin, ...outputs]) stream.destroy();
      await sys.files.removeTreeBeneath(dirname(directory), basename(directory));
    },
  };
}
