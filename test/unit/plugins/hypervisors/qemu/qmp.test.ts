import { Duplex, PassThrough } from "node:stream";
import { expect } from "chai";
import * as fc from "fast-check";
import { codeOf, messageOf } from "../../../../../src/core/errors/error.js";
import { QmpClient } from "../../../../../src/plugins/hypervisors/qemu/qmp/client.js";
import { JsonLineDecoder } from "../../../../../src/plugins/hypervisors/qemu/qmp/line-decoder.js";
import { parseQmpMessage, type QmpEvent } from "../../../../../src/plugins/hypervisors/qemu/qmp/messages.js";
import { vcpuThreads } from "../../../../../src/plugins/hypervisors/qemu/qmp/queries.js";

interface Command {
  readonly execute: string;
  readonly arguments?: unknown;
  readonly id: number;
}

/** A QEMU that answers commands as `answer` says; undefined leaves them unanswered. */
function fakeQemu(answer: (command: Command) => unknown = () => ({ return: {} })) {
  const toClient = new PassThrough();
  const fromClient = new PassThrough();
  const commands: Command[] = [];
  const say = (value: unknown) => void toClient.write(`${JSON.stringify(value)}\r\n`);
  const decoder = new JsonLineDecoder();
  fromClient.on("data", (chunk: Buffer) => {
    for (const value of decoder.push(chunk)) {
      const command = value as Command;
      commands.push(command);
      const said = answer(command);
      if (said !== undefined) say({ ...(said as object), id: command.id });
    }
  });
  const events: QmpEvent[] = [];
  const client = new QmpClient(Duplex.from({ readable: toClient, writable: fromClient }), (event) =>
    events.push(event),
  );
  return {
    client,
    commands,
    events,
    say,
    raw: (text: string) => void toClient.write(text),
    end: () => void toClient.end(),
  };
}

const greeting = { QMP: { version: { qemu: { major: 7, minor: 2, micro: 1 }, package: "" }, capabilities: [] } };

const failure = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
};

describe("JsonLineDecoder", () => {
  it("gives the same values however the bytes are cut", () => {
    const property = fc.property(fc.array(fc.jsonValue()), fc.array(fc.nat(30)), (values, cuts) => {
      const bytes = Buffer.from(values.map((value) => `${JSON.stringify(value)}\r\n`).join(""));
      const decoder = new JsonLineDecoder();
      const got: unknown[] = [];
      let from = 0;
      for (const cut of [...cuts, bytes.length]) {
        got.push(...decoder.push(bytes.subarray(from, from + cut)));
        from += cut;
      }
      expect(JSON.stringify(got)).to.equal(JSON.stringify(values));
    });
    fc.assert(property);
  });

  it("refuses everything else, and keeps no more than its limit", () => {
    const property = fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const decoder = new JsonLineDecoder(100);
      try {
        decoder.push(bytes);
      } catch (error) {
        expect(codeOf(error)).to.equal("KATA_QMP_GARBAGE");
      }
    });
    fc.assert(property);
    expect(() => new JsonLineDecoder(10).push(Buffer.from("[1,2,3,4,5,6]"))).to.throw(/longer than 10/);
  });
});

describe("parseQmpMessage", () => {
  it("takes any JSON value without failing", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => void parseQmpMessage(value)));
    expect(parseQmpMessage([])).to.equal(undefined);
    expect(parseQmpMessage({ return: null, id: 3 })).to.deep.equal({ kind: "answer", id: 3, result: { value: null } });
    expect(parseQmpMessage({ event: "STOP", data: 7 })).to.deep.equal({ kind: "event", name: "STOP", data: {} });
  });
});

describe("QmpClient", () => {
  it("greets and negotiates", async () => {
    const { client, commands, say } = fakeQemu();
    say(greeting);
    expect(await client.negotiate()).to.equal("7.2.1");
    expect(commands.map((command) => command.execute)).to.deep.equal(["qmp_capabilities"]);
  });

  it("matches answers by id, in whatever order they come", async () => {
    const { client, commands, say } = fakeQemu(() => undefined);
    const [one, two] = [client.execute("one"), client.execute("two", { a: 1 })];
    await new Promise(setImmediate);
    expect(commands[1]).to.deep.include({ execute: "two", arguments: { a: 1 } });
    say({ return: "second", id: commands[1]?.id });
    say({ return: "nobody's", id: 999 });
    say({ return: "first", id: commands[0]?.id });
    expect(await Promise.all([one, two])).to.deep.equal(["first", "second"]);
  });

  it("gives QEMU's own words when it refuses", async () => {
    const refusing = (kind: string) => fakeQemu(() => ({ error: { class: kind, desc: "Device 'x' is odd" } })).client;
    const error = await failure(refusing("GenericError").execute("device_del", { id: "x" }));
    expect(codeOf(error)).to.equal("KATA_QMP_REFUSED");
    expect(messageOf(error)).to.include("device_del").and.include("Device 'x' is odd").and.include("GenericError");
    const missing = await failure(refusing("DeviceNotFound").execute("device_del", { id: "x" }));
    expect(codeOf(missing)).to.equal("KATA_QMP_NO_DEVICE");
    expect(messageOf(missing)).to.include("device_del").and.include("Device 'x' is odd");
  });

  it("names the command that is not answered in time, and ignores its late answer", async () => {
    const { client, commands, say } = fakeQemu((command) => (command.execute === "stop" ? undefined : { return: 1 }));
    const error = await failure(client.execute("stop", undefined, 10));
    expect(codeOf(error)).to.equal("KATA_DEADLINE");
    expect(messageOf(error)).to.include('"stop"');
    say({ return: {}, id: commands[0]?.id });
    expect(await client.execute("next")).to.equal(1);
  });

  it("fails whatever waits when the connection ends, and everything after", async () => {
    const { client, end } = fakeQemu(() => undefined);
    const event = client.expectEvent("DEVICE_DELETED");
    const waits = [client.negotiate(), client.execute("stop"), event.within(5000)].map(failure);
    end();
    for (const error of await Promise.all(waits)) expect(codeOf(error)).to.equal("KATA_QMP_LOST");
    expect(codeOf(await failure(client.execute("cont")))).to.equal("KATA_QMP_LOST");
    expect(codeOf(await failure(client.negotiate()))).to.equal("KATA_QMP_LOST");
  });

  it("ends the connection at garbage, and says what it was", async () => {
    for (const garbage of ["hello\n", "42\n", "\u0000\u0001\n", "{}\n", '{"x":1}\n']) {
      const { client, raw } = fakeQemu(() => undefined);
      const waiting = failure(client.execute("stop"));
      raw(garbage);
      const error = await waiting;
      expect(codeOf(error)).to.equal("KATA_QMP_LOST");
      expect(codeOf((error as Error).cause)).to.equal("KATA_QMP_GARBAGE");
    }
  });

  it("tells events, and waits for one with the right data", async () => {
    const { client, events, say } = fakeQemu(() => undefined);
    const mine = client.expectEvent("DEVICE_DELETED", (data) => data["device"] === "mine");
    say({ event: "DEVICE_DELETED", data: { path: "/machine" } });
    say({ event: "DEVICE_DELETED", data: { device: "mine" } });
    expect((await mine.within(1000)).data).to.deep.equal({ device: "mine" });
    expect(events.length).to.equal(2);
    const never = client.expectEvent("RESET");
    expect(messageOf(await failure(never.within(5)))).to.include("RESET");
  });

  it("takes an answer without an id for the command under way", async () => {
    const { client, say } = fakeQemu(() => undefined);
    const waiting = failure(client.execute("stop"));
    await new Promise(setImmediate);
    say({ error: { class: "GenericError", desc: "JSON parse error" } });
    expect(messageOf(await waiting)).to.include("JSON parse error");
  });

  it("checks what it is told of threads", async () => {
    const answers: unknown[] = [
      [
        { "cpu-index": 1, "thread-id": 20 },
        { "cpu-index": 0, "thread-id": 10 },
      ],
      [{ "cpu-index": 0 }],
      "none",
    ];
    const { client } = fakeQemu(() => ({ return: answers.shift() }));
    expect(await vcpuThreads(client)).to.deep.equal([10, 20]);
    expect(codeOf(await failure(vcpuThreads(client)))).to.equal("KATA_QMP_GARBAGE");
    expect(codeOf(await failure(vcpuThreads(client)))).to.equal("KATA_QMP_GARBAGE");
  });
});
