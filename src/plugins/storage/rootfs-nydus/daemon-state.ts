import { get } from "node:http";
import { codeOf } from "../../../core/errors/error.js";

/** Milliseconds it may take to answer. */
const answerMs = 2000;

/** Codes of a socket that is not there yet, or that nobody serves any more. */
const silent = new Set(["ENOENT", "ECONNREFUSED", "ECONNRESET"]);

/** What a nydusd says of itself (`state` of nydus' `GET /api/v1/daemon`); undefined when it does not answer. */
export function daemonState(socketPath: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const request = get({ socketPath, path: "/api/v1/daemon", timeout: answerMs, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
        if (text.length > 65_536) request.destroy();
      });
      response.once("error", () => resolve(undefined));
      response.once("end", () => resolve(/"state"\s*:\s*"(\w+)"/.exec(text)?.[1]));
    });
    request.once("timeout", () => request.destroy());
    request.once("close", () => resolve(undefined));
    request.once("error", (error) => (silent.has(codeOf(error) ?? "") ? resolve(undefined) : reject(error)));
  });
}
