import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf, messageOf } from "../../../../src/core/errors/error.js";
import { createLinuxSys } from "../../../../src/core/sys/linux/index.js";
import {
  decodeRequest,
  encodeGreeting,
  encodeReply,
  messageBytes,
  type UpcallReply,
  type UpcallRequest,
} from "../../../../src/core/upcall/message.js";
import { readExactly } from "../../../../src/core/upcall/read-exactly.js";
import { Upcall } from "../../../../src/vmm/upcall/upcall.js";
import { HybridGuest } from "../../../support/vmm/hybrid-guest.js";

const place = { address: 0xd0000000, size: 0x1000, line: 5 };

/** What a guest does with a request: a reply, bytes that are none, or nothing. */
type Answer = (request: UpcallRequest) => UpcallReply | Buffer | undefined;

describe("telling a guest what is plugged", () => {
  let directory: string;
  let path: string;
  let guest: HybridGuest;
  let upcall: Upcall;
  let requests: UpcallRequest[];
  let answer: Answer;
  let listens: boolean;
  let greeting: Buffer | undefined;
  const services: number[] = [];

  const serve = async (stream: Socket): Promise<void> => {
    services.push((await readExactly(stream, 1))?.[0] ?? -1);
    if (greeting === undefined) return void stream.destroy();
    stream.write(greeting);
    for (let bytes = await readExactly(stream, messageBytes); bytes !== undefined; ) {
      const request = decodeRequest(bytes);
      requests.push(request);
      const reply = answer(request);
      if (reply !== undefined) stream.write(Buffer.isBuffer(reply) ? reply : encodeReply(request.kind, reply));
      bytes = await readExactly(stream, messageBytes);
    }
  };

  const begin = (ms = 20_000): Upcall => (upcall = new Upcall({ sys: createLinuxSys(), path, ms }));

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "kata-upcall-"));
    path = join(directory, "vsock");
    [requests, listens, greeting] = [[], true, encodeGreeting()];
    answer = () => ({ result: 0 });
    guest = new HybridGuest(path, (port) =>
      port === 219 && listens ? (stream) => void serve(stream).catch(() => undefined) : undefined,
    );
  });

  afterEach(async () => {
    upcall.close();
    await guest.close();
    rmSync(directory, { recursive: true });
  });

  it("asks one thing after the other, by one connection to the service of devices", async () => {
    begin();
    answer = ({ kind }) => ({ result: 0, ...(kind === "addMmio" && { disk: "vdc" }) });
    const all = [upcall.addDevice(place), upcall.removeDevice(place), upcall.addProcessors([1, 2])];
    expect(await Promise.all(all)).to.deep.equal([{ disk: "vdc" }, undefined, undefined]);
    await upcall.removeProcessors([2]);
    expect(requests).to.deep.equal([
      { kind: "addMmio", ...place },
      { kind: "delMmio", ...place },
      { kind: "addCpu", ids: [1, 2] },
      { kind: "delCpu", ids: [2] },
    ]);
    expect([guest.lines, services.splice(0)]).to.deep.equal([["CONNECT 219\n"], ["d".charCodeAt(0)]]);
  });

  it("tries until the guest listens", async () => {
    listens = false;
    const asked = begin().addDevice(place);
    while (guest.lines.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(requests).to.deep.equal([]);
    listens = true;
    expect(await asked).to.deep.equal({});
  });

  it("says what a guest refuses", async () => {
    answer = () => ({ result: -16 });
    const error: unknown = await begin()
      .removeDevice(place)
      .catch((cause: unknown) => cause);
    expect([codeOf(error), messageOf(error)]).to.deep.equal([
      "KATA_UPCALL_REFUSED",
      "the guest refuses to let go of the device at 0xd0000000: EBUSY",
    ]);
    for (const result of [5, -70_000, -0x80000000]) {
      answer = () => ({ result });
      expect(await upcall.removeDevice(place).catch(codeOf)).to.equal("KATA_UPCALL_REFUSED");
    }
    expect(guest.lines.length).to.equal(1);
  });

  it("waits no longer than it may for a guest where nobody listens", async () => {
    listens = false;
    const error: unknown = await begin(30)
      .addDevice(place)
      .catch((cause: unknown) => cause);
    expect([codeOf(error), messageOf(error)]).to.deep.equal([
      "KATA_UPCALL_SILENT",
      "the guest did not take the device at 0xd0000000 in 30 ms: nobody answers there; its agent, or its kernel, serves port 219",
    ]);
  });

  it("takes no late answer for that to the next request", async () => {
    begin(300);
    answer = () => undefined;
    expect(await upcall.addDevice(place).catch(codeOf)).to.equal("KATA_UPCALL_SILENT");
    answer = () => ({ result: 0, disk: "vdb" });
    expect(await upcall.addDevice(place)).to.deep.equal({ disk: "vdb" });
    expect(guest.lines.length).to.equal(2);
  });

  it("hears of a guest that hangs up, and connects again", async () => {
    begin();
    greeting = undefined;
    const asked = upcall.addDevice(place);
    while (guest.lines.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    greeting = encodeGreeting();
    await asked;
    answer = () => Buffer.alloc(messageBytes);
    expect(await upcall.addDevice(place).catch(codeOf)).to.equal("KATA_UPCALL_MESSAGE");
    answer = () => ({ result: 0 });
    await upcall.addDevice(place);
  });

  it("believes no other greeting", async () => {
    greeting = encodeReply("addMmio", { result: 0 });
    expect(await begin().addDevice(place).catch(codeOf)).to.equal("KATA_UPCALL_MESSAGE");
    expect(requests).to.deep.equal([]);
  });

  it("ends with its machine, whatever is under way, and leaves no connection", async () => {
    answer = () => undefined;
    const asked = begin().addDevice(place);
    const waiting = upcall.removeDevice(place).catch(codeOf);
    while (requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    upcall.close();
    expect(await asked.catch(codeOf)).to.equal("KATA_UPCALL_CLOSED");
    expect(await waiting).to.equal("KATA_UPCALL_CLOSED");
    while (guest.open > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });
});
