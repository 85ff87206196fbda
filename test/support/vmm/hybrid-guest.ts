import { createServer, type Server, type Socket } from "node:net";

/** Takes connections to ports of a guest at a Unix socket, as a machine's hybrid vsock does. */
export class HybridGuest {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Lines that were asked for. */
  readonly lines: string[] = [];

  /** `serve` gets each connection after it was answered; undefined: nobody listens in the guest. */
  constructor(path: string, serve: (port: number) => ((stream: Socket) => void) | undefined) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => undefined).on("close", () => this.#sockets.delete(socket));
      socket.once("data", (line) => {
        this.lines.push(line.toString());
        const port = Number(/^CONNECT (\d+)\n$/.exec(line.toString())?.[1]);
        const handler = serve(port);
        if (handler === undefined) return void socket.destroy();
        socket.pause();
        socket.write("OK 1024\n");
        handler(socket);
      });
    });
    this.#server.listen(path);
  }

  /** How many connections there are. */
  get open(): number {
    return this.#sockets.size;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
