import { once } from "node:events";
import { connect } from "node:net";
import { expect } from "chai";
import { statusName } from "../../../src/core/errors/status.js";
import { Request, Response } from "../../../src/core/proto/gen/ttrpc/ttrpc.js";
import { bodyLimit, frameTypes, headerLength, writeHeader } from "../../../src/core/rpc/frame.js";
import { lastingPod } from "./lasting-pod.js";

describe("a shim that goes on when its socket gets", () => {
  const pod = lastingPod();
  const header = (length: number, streamId: number, type: number): Buffer => {
    const bytes = Buffer.alloc(headerLength);
    writeHeader(bytes, streamId, type, 0);
    bytes.writeUInt32BE(length, 0);
    return bytes;
  };
  const request = (parts: Partial<Request>): Buffer => {
    const body = Buffer.from(Request.encode(Request.fromPartial(parts)).finish());
    return Buffer.concat([header(body.length, 1, frameTypes.request), body]);
  };

  /** Sends bytes on a connection of their own while a process runs over another; what comes back until the end. */
  async function send(bytes: Buffer, { end = false, answers = 0 } = {}): Promise<Buffer> {
    const socket = connect((pod.shim.bundle("pod").address ?? "").replace("unix://", ""));
    await once(socket, "connect");
    const running = pod.run("meanwhile");
    const pieces: Buffer[] = [];
    const ended = new Promise<void>((resolve, reject) => {
      socket.on("data", (piece: Buffer) => {
        pieces.push(piece);
        if (answers > 0 && Buffer.concat(pieces).length >= headerLength) socket.end();
      });
      socket.once("close", () => resolve());
      socket.on("error", (error: NodeJS.ErrnoException) => {
        if (error.code !== "ECONNRESET" && error.code !== "EPIPE") reject(error);
      });
    });
    socket.write(bytes);
    if (end) socket.end();
    await Promise.all([ended, running]);
    return Buffer.concat(pieces);
  }

  for (const [what, bytes, said] of [
    [
      "garbage",
      Buffer.from("GET / HTTP/1.1\r\nHost: shim\r\n\r\n"),
      "sent something that is not ttrpc: a frame of type",
    ],
    [
      "a message longer than one may be",
      header(bodyLimit + 1, 1, frameTypes.request),
      `is ${bodyLimit + 1} bytes long; a ttrpc message has at most ${bodyLimit}`,
    ],
    ["a message longer than there is memory", header(0xffffffff, 1, frameTypes.request), "is 4294967295 bytes long"],
    ["an answer", header(0, 1, frameTypes.response), "a response to a server"],
  ] as const) {
    it(`${what}: only that connection ends`, async () => {
      pod.shim.bundle("pod").log();
      expect((await send(Buffer.from(bytes))).length).to.equal(0);
      expect(pod.shim.bundle("pod").log()).to.include("the connection ended").and.include(said);
    });
  }

  it("a message that breaks off", async () => {
    pod.shim.bundle("pod").log();
    const whole = request({ service: "containerd.task.v2.Task", method: "Create" });
    for (const length of [1, headerLength, whole.length - 1]) {
      expect((await send(whole.subarray(0, length), { end: true })).length).to.equal(0);
    }
    const log = pod.shim.bundle("pod").log();
    expect(log.match(/ended the connection in the middle of a message/g)).to.have.length(3);
  });

  const service = "containerd.task.v2.Task";
  for (const [what, parts, status, message] of [
    [
      "a method there is not",
      { service, method: "Explode" },
      "UNIMPLEMENTED",
      `the service ${service} has no method Explode`,
    ],
    ["a service there is not", { service: "x.Task", method: "State" }, "UNIMPLEMENTED", "there is no service x.Task"],
    [
      "a request whose fields are not",
      { service, method: "State", payload: Buffer.alloc(4, 0xff) },
      "INVALID_ARGUMENT",
      `the request of ${service}/State cannot be decoded`,
    ],
  ] as const) {
    it(what, async () => {
      const answer = await send(request(parts), { answers: 1 });
      const { status: said } = Response.decode(answer.subarray(headerLength));
      expect(statusName(said?.code ?? 0)).to.equal(status);
      expect(said?.message).to.include(message);
    });
  }
});
