import { expect } from "chai";
import fc from "fast-check";
import { codeOf } from "../../../../src/core/errors/error.js";
import {
  checkGreeting,
  decodeReply,
  decodeRequest,
  encodeGreeting,
  encodeReply,
  encodeRequest,
  messageBytes,
  type UpcallRequest,
} from "../../../../src/core/upcall/message.js";

const codeOfCall = (action: () => unknown): string | undefined => {
  try {
    action();
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
};

const hex = (bytes: Buffer, length: number): string => bytes.subarray(0, length).toString("hex");
const words = (text: string): string => text.replaceAll(" ", "");

const safe = fc.maxSafeNat();
const requests: fc.Arbitrary<UpcallRequest> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("addMmio" as const, "delMmio" as const),
    address: safe,
    size: safe,
    line: fc.nat(0xffffffff),
  }),
  fc.record({
    kind: fc.constantFrom("addCpu" as const, "delCpu" as const),
    ids: fc.array(fc.nat(255), { minLength: 1, maxLength: 255 }),
  }),
);

const kinds = fc.constantFrom("addMmio" as const, "delMmio" as const, "addCpu" as const, "delCpu" as const);

describe("messages about what is plugged in and out", () => {
  it("have Dragonball's form", () => {
    const mmio = encodeRequest({ kind: "addMmio", address: 0xd0001000, size: 0x1000, line: 6 });
    expect(mmio.length).to.equal(0x400);
    expect(hex(mmio, 40)).to.equal(
      words("00014d44 18000000 05000000 00000000 001000d000000000 0010000000000000 06000000 00000000"),
    );
    const cpu = encodeRequest({ kind: "delCpu", ids: [1, 2] });
    expect(hex(cpu, 21)).to.equal(words("00014d44 02010000 02000000 00000000 02 14 0102 00"));
    expect(hex(encodeGreeting(), 16)).to.equal(`00014d44${"0".repeat(24)}`);
    const reply = encodeReply("addCpu", { result: -19, processors: 1 });
    expect(hex(reply, 24)).to.equal(words("00014d44 00000000 01000000 00000000 edffffff 01000000"));
  });

  it("are read as they were written", () => {
    fc.assert(
      fc.property(requests, (request) => void expect(decodeRequest(encodeRequest(request))).to.deep.equal(request)),
    );
    fc.assert(
      fc.property(
        kinds,
        fc.integer({ min: -0x80000000, max: 0x7fffffff }),
        fc.nat(0xffffffff),
        (kind, result, count) => {
          const isCpu = kind.endsWith("Cpu");
          const reply = { result, ...(isCpu ? { processors: count } : { disk: "vdab" }) };
          expect(decodeReply(kind, encodeReply(kind, reply))).to.deep.equal(reply);
        },
      ),
    );
    checkGreeting(encodeGreeting());
  });

  it("are refused, and nothing worse, whatever bytes they have", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 2 * messageBytes }),
      fc.tuple(requests, fc.nat(messageBytes - 1), fc.nat(255)).map(([request, at, value]) => {
        const message = encodeRequest(request);
        message[at] = value;
        return message;
      }),
    );
    fc.assert(
      fc.property(bytes, kinds, (message, kind) => {
        for (const read of [
          () => decodeRequest(message),
          () => decodeReply(kind, message),
          () => checkGreeting(message),
        ])
          expect(codeOfCall(read)).to.be.oneOf([undefined, "KATA_UPCALL_MESSAGE"]);
      }),
    );
  });

  it("are not read as what they are not", () => {
    const reply = encodeReply("addMmio", { result: 0 });
    expect(codeOfCall(() => decodeReply("delMmio", reply))).to.equal("KATA_UPCALL_MESSAGE");
    expect(codeOfCall(() => decodeRequest(encodeGreeting()))).to.equal("KATA_UPCALL_MESSAGE");
    expect(codeOfCall(() => checkGreeting(reply))).to.equal("KATA_UPCALL_MESSAGE");
    expect(codeOfCall(() => decodeReply("addMmio", reply.subarray(1)))).to.equal("KATA_UPCALL_MESSAGE");
    for (const ids of [[], [256], [-1], [0.5], Array<number>(256).fill(1)])
      expect(codeOfCall(() => encodeRequest({ kind: "addCpu", ids }))).to.equal("KATA_UPCALL_MESSAGE");
  });

  it("name a disk as Linux does, or not at all", () => {
    const named = (name: string): string | undefined => {
      const bytes = encodeReply("addMmio", { result: 0 });
      bytes.write(name, 20, "latin1");
      return decodeReply("addMmio", bytes).disk;
    };
    expect(["vdb", "vdzz", "", "sda", "vd", "vdb/x", "../vdb", "vd\u0001", "v".repeat(40)].map(named)).to.deep.equal([
      "vdb",
      "vdzz",
      ...Array<undefined>(7).fill(undefined),
    ]);
  });
});
