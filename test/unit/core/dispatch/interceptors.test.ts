import { expect } from "chai";
import { EMPTY, firstValueFrom, lastValueFrom, of, toArray } from "rxjs";
import { Dispatcher } from "../../../../src/core/dispatch/dispatcher.js";
import { logRequests } from "../../../../src/core/dispatch/interceptors.js";
import { defineRequest } from "../../../../src/core/dispatch/message.js";
import { createLogger } from "../../../../src/core/log.js";

const one = defineRequest<void, number>("test.one");
const many = defineRequest<void, number>("test.many");
const none = defineRequest<void, number>("test.none");

describe("logRequests", () => {
  let lines: string[];
  let dispatcher: Dispatcher;
  beforeEach(() => {
    lines = [];
    const log = createLogger((line) => lines.push(line), "debug");
    dispatcher = new Dispatcher({ interceptors: [logRequests(log)] });
    dispatcher.handle(one, "test", async () => 1);
    dispatcher.handle(many, "test", () => of(1, 2, 3));
    dispatcher.handle(none, "test", () => EMPTY);
  });

  it("tells once that a request was answered, whoever waits for whatever of it", async () => {
    await firstValueFrom(dispatcher.request(one()));
    await lastValueFrom(dispatcher.request(one()));
    await lastValueFrom(dispatcher.request(many()).pipe(toArray()));
    await lastValueFrom(dispatcher.request(none()).pipe(toArray()));
    const told = lines.map((line) => /msg="request answered".* request=(\S+)/.exec(line)?.[1] ?? line);
    expect(told).to.deep.equal(["test.one", "test.one", "test.many", "test.none"]);
  });

  it("tells of one that failed, with the code of its error", async () => {
    await firstValueFrom(dispatcher.request(defineRequest<void, void>("test.nobody")())).catch(() => undefined);
    expect(lines).to.have.length(1);
    expect(lines[0]).to.include("request failed").and.to.include("code=KATA_DISPATCH_UNHANDLED");
  });
});
