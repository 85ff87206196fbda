import { expect } from "chai";
import { firstValueFrom, from, toArray } from "rxjs";
import { Dispatcher, type Interceptor } from "../../../../src/core/dispatch/dispatcher.js";
import { defineRequest } from "../../../../src/core/dispatch/message.js";
import { codeOf } from "../../../../src/core/errors/error.js";

const double = defineRequest<number, number>("test.double");
const count = defineRequest<number, number>("test.count");

describe("Dispatcher", () => {
  it("gives a request to the handler of its kind, at subscription", async () => {
    const dispatcher = new Dispatcher();
    let calls = 0;
    dispatcher.handle(double, "doubler", async (n) => {
      calls += 1;
      return n * 2;
    });
    const answer = dispatcher.request(double(21));
    expect(calls).to.equal(0);
    expect(await firstValueFrom(answer)).to.equal(42);
  });

  it("passes on streams", async () => {
    const dispatcher = new Dispatcher();
    dispatcher.handle(count, "counter", (n) => from(Array.from({ length: n }, (_, index) => index)));
    expect(await firstValueFrom(dispatcher.request(count(3)).pipe(toArray()))).to.deep.equal([0, 1, 2]);
  });

  it("names what is answered when a kind is not", async () => {
    const dispatcher = new Dispatcher();
    dispatcher.handle(double, "doubler", async (n) => n);
    const error: unknown = await firstValueFrom(dispatcher.request(count(1))).catch((cause: unknown) => cause);
    expect(codeOf(error)).to.equal("KATA_DISPATCH_UNHANDLED");
    expect(String(error)).to.include('no handler answers "test.count"; there are: test.double');
  });

  it("refuses two handlers of one kind, naming both", () => {
    const dispatcher = new Dispatcher();
    dispatcher.handle(double, "first", async (n) => n);
    expect(() => dispatcher.handle(double, "second", async (n) => n)).to.throw(/answered by first already, so second/);
  });

  it("composes interceptors, the first outermost", async () => {
    const seen: string[] = [];
    const named = (name: string): Interceptor => {
      return (message, next) => {
        seen.push(name);
        return next(message);
      };
    };
    const dispatcher = new Dispatcher({ interceptors: [named("outer"), named("inner")] });
    dispatcher.handle(double, "doubler", async (n) => n * 2);
    await firstValueFrom(dispatcher.request(double(1)));
    expect(seen).to.deep.equal(["outer", "inner"]);
  });

  it("makes an interceptor's throw an error of the request, and goes on", async () => {
    let throws = true;
    const broken: Interceptor = (message, next) => {
      if (throws) throw new Error("broken");
      return next(message);
    };
    const dispatcher = new Dispatcher({ interceptors: [broken] });
    dispatcher.handle(double, "doubler", async (n) => n * 2);
    const error: unknown = await firstValueFrom(dispatcher.request(double(1))).catch((cause: unknown) => cause);
    expect(String(error)).to.equal("Error: broken");
    throws = false;
    expect(await firstValueFrom(dispatcher.request(double(1)))).to.equal(2);
  });

  it("lets handlers be chosen by the first message nobody answers", async () => {
    const dispatcher: Dispatcher = new Dispatcher({
      activate: async () => dispatcher.handle(double, "late", async (n) => n * 2),
    });
    expect(await firstValueFrom(dispatcher.request(double(2)))).to.equal(4);
  });

  it("makes a handler's throw an error of the request", async () => {
    const dispatcher = new Dispatcher();
    dispatcher.handle(double, "broken", () => {
      throw new Error("broken");
    });
    const error: unknown = await firstValueFrom(dispatcher.request(double(1))).catch((cause: unknown) => cause);
    expect(String(error)).to.equal("Error: broken");
  });
});
