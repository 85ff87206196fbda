/**
 * A service that shows containers over HTTP, on a Unix socket that only its owner can open:
 *
 *     await (await runtime.createService("http", { socket: "/run/kata-http.sock" })).start();
 *
 *     curl --unix-socket /run/kata-http.sock http://kata/containers              ids
 *     curl --unix-socket /run/kata-http.sock http://kata/containers/web          the state of one
 *     curl --unix-socket /run/kata-http.sock http://kata/containers/web/stats    what it uses; numbers are strings
 */
import { once } from "node:events";
import { createServer } from "node:http";
import {
  type Message,
  type Plugin,
  type PluginContext,
  type Service,
  type StandardSchema,
  taskCreated,
  taskDeleted,
  taskState,
  taskStats,
} from "kata-ts/plugin";
import { type Answer, failed, found, notFound } from "./answers.js";

interface Config {
  readonly socket: string;
}

const config: StandardSchema<Config> = {
  "~standard": {
    version: 1,
    vendor: "kata-ts-service-http",
    validate(value) {
      const { socket } = (value ?? {}) as Partial<Config>;
      if (typeof socket === "string" && socket.startsWith("/")) return { value: { socket } };
      return { issues: [{ path: ["socket"], message: "must be the absolute path of a socket" }] };
    },
  },
};

function createService({ dispatcher, events, scope, log }: PluginContext, { socket }: Config): Service {
  const containers = new Set<string>();
  const listeners = [
    events.subscribe(taskCreated, "http", ({ containerId }) => containers.add(containerId)),
    events.subscribe(taskDeleted, "http", ({ containerId }) => containers.delete(containerId)),
  ];
  const ask = <Request, Reply>(message: Message<Request, Reply>): Promise<Reply> =>
    new Promise((resolve, reject) => dispatcher.request(message).subscribe({ next: resolve, error: reject }));

  async function answer(method: string, url: string): Promise<Answer> {
    const path = new URL(url, "http://kata").pathname;
    const [collection, id, what, ...rest] = path.split("/").slice(1).map(decodeURIComponent);
    if (collection !== "containers" || rest.length > 0) return notFound(path);
    if (method !== "GET") return { status: 405, body: { message: `${path} can be read, by GET, and nothing else` } };
    if (id === undefined) return found([...containers]);
    if (what === undefined) return found(await ask(taskState({ containerId: id, execId: "" })));
    return what === "stats" ? found(await ask(taskStats({ containerId: id }))) : notFound(path);
  }

  const server = createServer(({ method = "", url = "" }, response) => {
    const send = ({ status, body }: Answer) =>
      response.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(body)}\n`);
    void answer(method, url).catch(failed).then(send);
  });

  /** Lets those be answered that have asked, unless all is to end at once. */
  async function end(connections: "answered" | "dropped"): Promise<void> {
    for (const listener of listeners) listener.unsubscribe();
    if (connections === "dropped") server.closeAllConnections();
    if (!server.listening) return;
    server.close();
    await once(server, "close");
  }
  scope.defer("the HTTP service", () => end("dropped"));

  return {
    name: "http",
    // No peer can ask this process to end.
    finished: new Promise(() => undefined),
    async start() {
      // The socket has its mode, 0600, from the first moment.
      const mask = process.umask(0o177);
      try {
        server.listen(socket);
      } finally {
        process.umask(mask);
      }
      await once(server, "listening");
      log.info("containers are shown", { socket });
    },
    close: () => end("answered"),
    destroy: () => end("dropped"),
  };
}

export const plugin: Plugin<"service", typeof config> = {
  api: 1,
  kind: "service",
  name: "http",
  config,
  create: createService,
};
