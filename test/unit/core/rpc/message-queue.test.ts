import { expect } from "chai";
import fc from "fast-check";
import { MessageQueue, queueLimits } from "../../../../src/core/rpc/message-queue.js";

/** A queue of text and what it asked of its source. */
function queueOf(decode = (body: Uint8Array) => Buffer.from(body).toString()) {
  const asked: string[] = [];
  const queue = new MessageQueue(decode, {
    onFull: () => asked.push("full"),
    onTake: () => asked.push("take"),
    onRoom: () => asked.push("room"),
    onReturn: () => asked.push("return"),
  });
  return { queue, asked };
}

const bytes = (text: string) => Buffer.from(text);

async function thrown(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "nothing",
    (error: unknown) => (error as Error).message,
  );
}

describe("MessageQueue", () => {
  it("delivers in order, whoever comes first", async () => {
    const step = fc.constantFrom("push", "take");
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { queue } = queueOf();
        const taken: Promise<IteratorResult<string, undefined>>[] = [];
        let pushed = 0;
        for (const next of steps) {
          if (next === "push") queue.push(bytes(String(pushed++)));
          else taken.push(queue.next());
        }
        queue.end();
        for await (const rest of queue) taken.push(Promise.resolve({ done: false, value: rest }));
        const values = (await Promise.all(taken)).flatMap((result) => (result.done === true ? [] : [result.value]));
        expect(values).to.deep.equal(Array.from({ length: pushed }, (_, i) => String(i)));
      }),
    );
  });

  it("delivers what came before a failure, throws it once, and has then ended", async () => {
    const { queue } = queueOf();
    queue.push(bytes("a"));
    queue.fail(new Error("lost"));
    queue.push(bytes("too late"));
    expect(await queue.next()).to.deep.equal({ done: false, value: "a" });
    expect(await thrown(queue.next())).to.equal("lost");
    expect(await queue.next()).to.deep.equal({ done: true, value: undefined });
  });

  it("drops what is queued when it is aborted, even after its end", async () => {
    const { queue } = queueOf();
    queue.push(bytes("a"));
    queue.end();
    queue.abort(new Error("given up"));
    expect(await thrown(queue.next())).to.equal("given up");
  });

  it("settles everyone who waits when it ends", async () => {
    const { queue } = queueOf();
    const waiting = [queue.next(), queue.next()];
    queue.end();
    for (const result of await Promise.all(waiting)) expect(result.done).to.equal(true);
  });

  it("asks its source to wait at the limit of messages and to go on at half of it", async () => {
    const { queue, asked } = queueOf();
    for (let i = 0; i < queueLimits.messages - 1; i++) queue.push(bytes(""));
    expect(asked).to.deep.equal([]);
    queue.push(bytes(""));
    expect(asked).to.deep.equal(["full"]);
    for (let i = 0; i < queueLimits.messages / 2; i++) await queue.next();
    expect(asked.filter((what) => what !== "take")).to.deep.equal(["full", "room"]);
    expect(asked.at(1)).to.equal("take");
    await queue.next();
    expect(asked.at(-1)).to.equal("room");
  });

  it("asks its source to wait at the limit of bytes", async () => {
    const { queue, asked } = queueOf(() => "");
    queue.push(Buffer.alloc(queueLimits.bytes / 2));
    queue.push(Buffer.alloc(queueLimits.bytes / 2));
    expect([queue.bytes, ...asked]).to.deep.equal([queueLimits.bytes, "full"]);
    await queue.next();
    expect([queue.bytes, ...asked]).to.deep.equal([queueLimits.bytes / 2, "full", "room"]);
  });

  it("lets its source go on when its consumer leaves", async () => {
    const { queue, asked } = queueOf();
    for (let i = 0; i < queueLimits.messages; i++) queue.push(bytes(String(i)));
    for await (const first of queue) {
      expect(first).to.equal("0");
      break;
    }
    expect(asked).to.deep.equal(["full", "take", "room", "return"]);
    expect(await queue.next()).to.deep.equal({ done: true, value: undefined });
  });

  it("fails once and ends at a message that cannot be decoded", async () => {
    const { queue, asked } = queueOf(() => {
      throw new Error("no text");
    });
    queue.push(bytes("a"));
    queue.push(bytes("b"));
    expect(await thrown(queue.next())).to.equal("no text");
    expect(asked).to.deep.equal(["return"]);
    expect((await queue.next()).done).to.equal(true);
  });
});
