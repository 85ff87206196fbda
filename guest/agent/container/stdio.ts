import { unlinkSync } from "node:fs";
import type { Duplex } from "node:stream";
import type { Sys } from "../../../src/core/sys/sys.js";
import type { Programs } from "../programs.js";
import { InputStream } from "./input-stream.js";
import { OutputStream } from "./output-stream.js";

/** The agent's ends of a process's standard streams. A terminal has no stderr of its own. */
export interface ProcessStreams {
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream | undefined;
  /** Descriptor of a terminal's master side; it belongs to the streams. */
  readonly master?: number;
  /** Gives all of them up. */
  close(): void;
}

/** What a process is started with, while that is under way. */
export interface StdioSetup {
  /** Descriptors for the OCI runtime's own standard streams, which a process without a terminal inherits. */
  readonly fds: readonly [number, number, number];
  /** Where the OCI runtime sends the master side of the terminal; undefined for a process without one. */
  readonly consoleSocket: string | undefined;
  /** The streams, once the process has been started. */
  take(onDrained: () => void): ProcessStreams;
  /** Closes what was not taken. Call it in any case. */
  close(): void;
}

type StdioSys = Pick<Sys, "descriptors" | "sockets">;

/** Three pipes. Not sockets: a program may open `/dev/stdout` anew. */
export function pipeStdio(sys: StdioSys): StdioSetup {
  const { descriptors } = sys;
  const open = new Set<number>();
  const pipe = (): { read: number; write: number } => {
    const ends = descriptors.pipe();
    open.add(ends.read).add(ends.write);
    return ends;
  };
  const close = (): void => {
    for (const fd of open) descriptors.close(fd);
    open.clear();
  };
  try {
    const [input, output, errors] = [pipe(), pipe(), pipe()];
    const streamOf = (fd: number, direction: { readable?: boolean; writable?: boolean }): Duplex => {
      open.delete(fd);
      return descriptors.stream(fd, direction);
    };
    return {
      fds: [input.read, output.write, errors.write],
      consoleSocket: undefined,
      take(onDrained) {
        const stdin = new InputStream(streamOf(input.write, { readable: false }), false);
        const stdout = new OutputStream(streamOf(output.read, { writable: false }), onDrained);
        const stderr = new OutputStream(streamOf(errors.read, { writable: false }), onDrained);
        return {
          stdin,
          stdout,
          stderr,
          close() {
            stdin.destroy();
            stdout.close();
            stderr.close();
          },
        };
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** A terminal: the OCI runtime makes it in the container and sends its master side to a socket at `path`. */
export function terminalStdio(sys: StdioSys, programs: Pick<Programs, "nothing">, path: string): StdioSetup {
  const { descriptors, sockets } = sys;
  let listener: number | undefined = sockets.listenUnix(path, 1);
  const { nothing } = programs;
  return {
    fds: [nothing, nothing, nothing],
    consoleSocket: path,
    take(onDrained) {
      const master = receiveMaster(sys, listener ?? -1);
      const stream = descriptors.stream(master);
      const stdin = new InputStream(stream, true);
      const stdout = new OutputStream(stream, onDrained);
      return { stdin, stdout, stderr: undefined, master, close: () => stdout.close() };
    },
    close() {
      if (listener === undefined) return;
      descriptors.close(listener);
      listener = undefined;
      unlinkSync(path);
    },
  };
}

/** The descriptor the OCI runtime has sent before it exited. */
function receiveMaster({ descriptors, sockets }: StdioSys, listener: number): number {
  descriptors.setNonBlocking(listener, true);
  const connection = sockets.accept(listener);
  if (connection === undefined) throw new Error("the OCI runtime has made no terminal");
  try {
    const [master, ...more] = sockets.receiveDescriptors(connection.fd, Buffer.alloc(4096), 4)?.fds ?? [];
    for (const fd of more) descriptors.close(fd);
    if (master === undefined) throw new Error("the OCI runtime has sent no terminal");
    descriptors.setNonBlocking(master, true);
    return master;
  } finally {
    descriptors.close(connection.fd);
  }
}
