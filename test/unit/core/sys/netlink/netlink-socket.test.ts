import { expect } from "chai";
import fc from "fast-check";
import { codeOf, KataError, messageOf } from "../../../../../src/core/errors/error.js";
import { NetlinkSocket } from "../../../../../src/core/sys/linux/netlink-socket.js";
import { AttributeWriter } from "../../../../../src/core/sys/netlink/attributes.js";
import { ControlType, headerBytes, MessageFlag } from "../../../../../src/core/sys/netlink/message.js";
import { errnoNameOf, SysError } from "../../../../../src/core/sys/sys-error.js";
import { type ScriptedDatagram, type ScriptedMessage, ScriptedSockets } from "./scripted-sockets.js";

/** Some message's type, and a request for it. */
const [answerType, requestType] = [16, 18];

const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
};

const answer = (value: number, more: Partial<ScriptedMessage> = {}): ScriptedMessage => ({
  type: answerType,
  flags: MessageFlag.multi,
  payload: number(value),
  ...more,
});
const done: ScriptedMessage = { type: ControlType.done, flags: MessageFlag.multi, payload: number(0) };
const acknowledged: ScriptedMessage = { type: ControlType.error, payload: number(0) };
const refused = (errno: number): ScriptedMessage => ({ type: ControlType.error, payload: number(-errno) });
const one = (...messages: ScriptedMessage[]): ScriptedDatagram => ({ messages });

describe("a socket of netlink", () => {
  const open = (script: ScriptedSockets, ms?: number): NetlinkSocket => new NetlinkSocket(script.sockets, -1, ms);

  const dump = (script: ScriptedSockets): number[] =>
    open(script)
      .dump("things", requestType, new Uint8Array(0))
      .map(({ payload }) => payload.readInt32LE());

  const request = (script: ScriptedSockets): number[] =>
    open(script)
      .request("a thing", requestType, 0, new Uint8Array(0))
      .map(({ payload }) => payload.readInt32LE());

  const failure = (act: () => unknown): unknown => {
    try {
      act();
    } catch (error) {
      return error;
    }
    return expect.fail("it was not refused");
  };

  it("gathers a list from all its datagrams", () => {
    const script = [one(answer(1), answer(2)), one(answer(3)), one(), one(answer(4), done)];
    expect(dump(new ScriptedSockets(script))).to.deep.equal([1, 2, 3, 4]);
  });

  it("passes over what answers another request, what is nothing, and what comes after the end", () => {
    const before = one(answer(7, { relative: -1 }), { ...done, relative: -1 }, { ...refused(1), relative: -3 });
    const script = [
      before,
      one({ type: ControlType.noop }, answer(1)),
      one(answer(8, { relative: 1 }), done, answer(9)),
    ];
    expect(dump(new ScriptedSockets(script))).to.deep.equal([1]);
  });

  it("does not take what an earlier request left for an answer to the next", () => {
    const script = new ScriptedSockets([one(refused(17)), one(answer(1), done)], [one(answer(2), acknowledged)]);
    const socket = open(script);
    const first = failure(() => socket.request("a thing", requestType, 0, new Uint8Array(0)));
    expect(errnoNameOf(first)).to.equal("EEXIST");
    const second = socket.request("a thing", requestType, 0, new Uint8Array(0));
    expect(second.map(({ payload }) => payload.readInt32LE())).to.deep.equal([2]);
  });

  it("begins a list anew that changed while it was read", () => {
    const changed = one(answer(1, { flags: MessageFlag.multi | MessageFlag.interrupted }), done);
    const late = one(answer(1), { ...done, flags: MessageFlag.multi | MessageFlag.interrupted });
    const script = new ScriptedSockets([changed], [late], [one(answer(2), done)]);
    expect(dump(script)).to.deep.equal([2]);
    expect(script.requests).to.deep.equal([requestType, requestType, requestType]);
  });

  it("says so when a list changes all the time", () => {
    const changed = [one(answer(1), { ...done, flags: MessageFlag.interrupted })];
    const script = new ScriptedSockets(...Array.from({ length: 20 }, () => changed));
    const error = failure(() => dump(script));
    expect(codeOf(error)).to.equal("KATA_NETLINK_CHANGING");
    expect(messageOf(error)).to.match(/"things" was not answered whole in 10 tries/);
    expect(script.requests).to.have.length(10);
  });

  it("says so when no acknowledgement comes", () => {
    for (const script of [[], [one(answer(1))], [one({ ...acknowledged, relative: -1 })]]) {
      const error = failure(() => request(new ScriptedSockets(script)));
      expect(codeOf(error)).to.equal("KATA_NETLINK_SILENT");
      expect(messageOf(error)).to.equal('no answer over netlink to "a thing" within 10000 ms');
    }
  });

  it("does not wait for ever while something else comes", () => {
    const { sockets } = new ScriptedSockets();
    let datagrams = 0;
    const endless = {
      ...sockets,
      receive: (_fd: number, into: Uint8Array) => {
        datagrams++;
        into.set([headerBytes, 0, 0, 0, answerType, 0, 0, 0, 255, 255, 0, 0]);
        return headerBytes;
      },
    };
    const socket = new NetlinkSocket(endless, -1, 50);
    const error = failure(() => socket.request("a thing", requestType, 0, new Uint8Array(0)));
    expect(codeOf(error)).to.equal("KATA_NETLINK_SILENT");
    expect(datagrams).to.be.greaterThan(1);
  });

  it("tells of a refusal in the kernel's words, at the end of a list too", () => {
    const words = new AttributeWriter().text(1, "no such thing").finish();
    const payload = Buffer.concat([number(-2), Buffer.alloc(headerBytes), words]);
    const flags = MessageFlag.capped | MessageFlag.extendedAck;
    expect(messageOf(failure(() => request(new ScriptedSockets([one({ ...acknowledged, payload, flags })]))))).to.match(
      /^rtnetlink\("a thing"\): ENOENT .*no such thing/,
    );
    const error = failure(() => dump(new ScriptedSockets([one(answer(1), { ...done, payload: number(-16) })])));
    expect(errnoNameOf(error)).to.equal("EBUSY");
    expect(errnoNameOf(failure(() => dump(new ScriptedSockets([one({ type: ControlType.overrun })]))))).to.equal(
      "ENOBUFS",
    );
  });

  it("refuses a datagram that is cut short, or larger than what is read at once", () => {
    for (const cut of [1, 4, 19, 21]) {
      const script = new ScriptedSockets([{ messages: [answer(1), done], cut }]);
      expect(codeOf(failure(() => dump(script))), `${cut} bytes`).to.equal("KATA_NETLINK_BROKEN");
    }
    const large = answer(1, { payload: new Uint8Array(130 * 1024) });
    const error = failure(() => dump(new ScriptedSockets([one(large, done)])));
    expect(messageOf(error)).to.match(/a datagram of \d+ bytes, where 131072 are read at once/);
  });

  it("answers with what is its own, or by an error that is told, whatever comes (40,000 cases)", function () {
    this.timeout(60_000);
    const message = fc.record({
      type: fc.constantFrom<number>(...Object.values(ControlType), answerType, answerType, answerType),
      flags: fc.constantFrom(0, MessageFlag.multi, MessageFlag.interrupted, MessageFlag.extendedAck, 0xffff),
      relative: fc.constantFrom(0, 0, 0, -1, 1, -2),
      payload: fc.oneof(fc.constant(number(0)), fc.constant(number(-17)), fc.uint8Array({ maxLength: 40 })),
    });
    const datagram = fc.record({
      messages: fc.array(message, { maxLength: 5 }),
      cut: fc.constantFrom(0, 0, 0, 0, 1, 5, 17),
    });
    fc.assert(
      fc.property(fc.array(fc.array(datagram, { maxLength: 4 }), { maxLength: 11 }), fc.boolean(), (answers, list) => {
        const script = new ScriptedSockets(...answers);
        const socket = open(script);
        const ask = list
          ? socket.dump.bind(socket, "x", requestType)
          : socket.request.bind(socket, "x", requestType, 0);
        const own = new Set<string>();
        for (const one of answers.flat().flatMap(({ messages }) => messages)) {
          if ((one.relative ?? 0) === 0 || list) own.add(Buffer.from(one.payload ?? []).toString("hex"));
        }
        try {
          for (const { type, payload } of ask(new Uint8Array(0))) {
            expect(Object.values(ControlType)).to.not.include(type);
            expect(own).to.include(payload.toString("hex"));
          }
        } catch (error) {
          const known = ["KATA_NETLINK_BROKEN", "KATA_NETLINK_SILENT", "KATA_NETLINK_CHANGING"];
          const isKnown = error instanceof KataError && known.includes(error.code);
          if (!isKnown && !(error instanceof SysError)) throw error;
        }
        expect(script.requests.length).to.be.within(1, list ? 10 : 1);
      }),
      { numRuns: 40_000 },
    );
  });
});
