import { Server } from "../../../../src/core/rpc/server.js";
import { ProbeDefinition, response } from "./fixture.js";

// A program: serves the probe service on descriptor 3.
const server = new Server();
server.addService(ProbeDefinition, { unary: async (request) => response(`${request.containerId}!`) });
await server.listen({ fd: 3 });
