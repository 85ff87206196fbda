/** A service that counts the containers there are, for whoever asks a socket: `{ socket: "/run/example.sock" }`. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { EventType, Plugin, PluginContext, Service, StandardSchema } from "kata-ts/plugin";

interface Config {
  readonly socket: string;
}

const taskCreated: EventType<{ readonly containerId: string }> = { kind: "task.created" };

const config: StandardSchema<Config> = {
  "~standard": {
    version: 1,
    vendor: "kata-ts-service-example",
    validate(value) {
      const { socket } = (value ?? {}) as Partial<Config>;
      if (typeof socket === "string" && socket.startsWith("/")) return { value: { socket } };
      return { issues: [{ path: ["socket"], message: "must be the absolute path of a socket" }] };
    },
  },
};

function createService({ events, scope, log }: PluginContext, { socket }: Config): Service {
  const containers = new Set<string>();
  events.subscribe(taskCreated, "example", ({ containerId }) => containers.add(containerId));
  const server: Server = createServer((_request, response) => response.end(JSON.stringify([...containers])));
  const end = async (): Promise<void> => {
    if (!server.listening) return;
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  scope.defer("server", end);
  return {
    name: "example",
    finished: new Promise(() => undefined),
    async start() {
      server.listen(socket);
      await once(server, "listening");
      log.info("the service answers", { socket });
    },
    close: end,
    destroy: end,
  };
}

export const plugin: Plugin<"service", typeof config> = {
  api: 1,
  kind: "service",
  name: "example",
  config,
  create: createService,
};
