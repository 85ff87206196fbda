import { expect } from "chai";
import fc from "fast-check";
import { WriteStreamRequest } from "../../../../src/core/proto/gen/kata/agent.js";
import { Empty } from "../../../../src/core/proto/gen/google/protobuf/empty.js";
import { Request, Response } from "../../../../src/core/proto/gen/ttrpc/ttrpc.js";
import { bodyLimit, headerLength } from "../../../../src/core/rpc/frame.js";
import { FrameDecoder } from "../../../../src/core/rpc/frame-decoder.js";
import {
  encodeData,
  encodeEnd,
  encodeFailure,
  encodeRequest,
  encodeResponse,
  encodeRoute,
} from "../../../../src/core/rpc/frame-encoder.js";
import type { RawFrame } from "./fixture.js";

function only(bytes: Uint8Array): RawFrame {
  const frames: RawFrame[] = [];
  new FrameDecoder((streamId, type, flags, body) => frames.push({ streamId, type, flags, body }), "x").push(bytes);
  expect(frames.length).to.equal(1);
  return frames[0] as RawFrame;
}

const plain = (bytes: Uint8Array) => Uint8Array.from(bytes);
const text = fc.string({ maxLength: 50, unit: "binary" });
const message = fc.record({ containerId: text, execId: text, data: fc.uint8Array({ maxLength: 2000 }) });
const id = fc.integer({ min: 1, max: 0xffffffff });
const pairs = fc.array(fc.record({ key: text, value: text }), { maxLength: 4 });
const what = "the message";

describe("the frame encoder", () => {
  it("writes requests that decode to what was asked", () => {
    const timeout = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
    fc.assert(
      fc.property(id, text, text, fc.option(message, { nil: undefined }), timeout, pairs, (streamId, ...rest) => {
        const [service, method, sent, timeoutNano, metadata] = rest;
        const route = encodeRoute(service, method);
        const parts = {
          streamId,
          flags: 2,
          route,
          type: WriteStreamRequest,
          message: sent,
          timeout: timeoutNano,
          metadata,
          what,
        };
        const frame = only(encodeRequest(parts));
        expect([frame.streamId, frame.type, frame.flags]).to.deep.equal([streamId, 1, 2]);
        const { payload, ...request } = Request.decode(frame.body);
        expect(request).to.deep.equal({ service, method, timeoutNano, metadata });
        const got = WriteStreamRequest.decode(payload);
        expect({ ...got, data: plain(got.data) }).to.deep.equal(sent ?? WriteStreamRequest.fromPartial({}));
        if (sent === undefined) expect(payload.length).to.equal(0);
      }),
    );
  });

  it("writes responses, failures and data that decode to what was said", () => {
    const status = fc.record({ code: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), message: text });
    fc.assert(
      fc.property(id, message, status, (streamId, sent, failure) => {
        const answer = only(encodeResponse(streamId, WriteStreamRequest, sent, what));
        expect([answer.streamId, answer.type, answer.flags]).to.deep.equal([streamId, 2, 0]);
        const response = Response.decode(answer.body);
        expect(response.status).to.equal(undefined);
        expect(plain(WriteStreamRequest.decode(response.payload).data)).to.deep.equal(sent.data);

        const failed = Response.decode(only(encodeFailure(streamId, { ...failure, details: [] })).body);
        expect(failed.status).to.deep.equal({ ...failure, details: [] });

        const data = only(encodeData(streamId, WriteStreamRequest, sent, what));
        expect([data.streamId, data.type, data.flags]).to.deep.equal([streamId, 3, 0]);
        expect(WriteStreamRequest.decode(data.body).containerId).to.equal(sent.containerId);
      }),
    );
  });

  it("answers with an empty message in an empty body", () => {
    expect(encodeResponse(1, Empty, {}, what).length).to.equal(headerLength);
  });

  it("keeps a response whose first field has a zero byte after it", () => {
    const sent = WriteStreamRequest.fromPartial({ data: Uint8Array.of(0) });
    const { payload } = Response.decode(only(encodeResponse(1, WriteStreamRequest, sent, what)).body);
    expect(plain(WriteStreamRequest.decode(payload).data)).to.deep.equal(Uint8Array.of(0));
  });

  it("ends a stream with no data and a closed side", () => {
    expect(only(encodeEnd(9))).to.deep.include({ streamId: 9, type: 3, flags: 5 });
  });

  it("refuses a body above the limit and goes on after it", () => {
    const overhead =
      encodeData(1, WriteStreamRequest, WriteStreamRequest.fromPartial({ data: Buffer.alloc(3 << 20) }), what).length -
      (3 << 20);
    const fit = bodyLimit - (overhead - headerLength);
    const of = (length: number) => WriteStreamRequest.fromPartial({ data: Buffer.alloc(length) });
    expect(encodeData(1, WriteStreamRequest, of(fit), what).length).to.equal(headerLength + bodyLimit);
    expect(() => encodeData(1, WriteStreamRequest, of(fit + 1), what)).to.throw(
      `the message is ${bodyLimit + 1} bytes long`,
    );
    expect(only(encodeData(1, WriteStreamRequest, of(3), what)).body.length).to.equal(5);
  });

  it("writes whole frames after a message that could not be encoded", () => {
    const type = {
      encode: (value: string, writer?: Parameters<typeof Empty.encode>[1]) => {
        writer?.uint32(10).fork().string(value);
        throw new Error("no such value");
      },
      decode: () => "",
    };
    expect(() => encodeData(1, type, "half", what)).to.throw("no such value");
    expect(only(encodeEnd(3)).streamId).to.equal(3);
    expect(
      only(encodeResponse(5, WriteStreamRequest, WriteStreamRequest.fromPartial({ execId: "x" }), what)).streamId,
    ).to.equal(5);
  });
});
