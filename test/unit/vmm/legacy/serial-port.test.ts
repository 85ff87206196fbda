import { expect } from "chai";
import fc from "fast-check";
import { PlainReader } from "../../../../src/vmm/snapshot/plain-reader.js";
import { SerialPort } from "../../../../src/vmm/legacy/serial-port.js";

/** Registers by their offset. */
const [data, interruptEnable, interruptId, lineControl, modemControl, lineStatus, modemStatus, scratch] = [
  0, 1, 2, 3, 4, 5, 6, 7,
];

describe("a serial port", () => {
  let sent: number[];
  let raised: number;
  let port: SerialPort;

  beforeEach(() => {
    sent = [];
    raised = 0;
    port = new SerialPort({ send: (byte) => sent.push(byte), raise: () => raised++ });
  });

  const read = (offset = 0): number => {
    const into = new Uint8Array(1);
    port.read(offset, into);
    return into[0] ?? -1;
  };
  const write = (offset: number, value: number) => port.write(offset, Uint8Array.of(value));

  it("is always ready to send, and sends what is written", () => {
    for (const byte of Buffer.from("ok")) {
      expect(read(lineStatus)).to.equal(0x60);
      write(data, byte);
    }
    expect(Buffer.from(sent).toString()).to.equal("ok");
    expect(raised).to.equal(0);
  });

  it("goes on elsewhere as it was, with the input that was not read", () => {
    write(interruptEnable, 0x03);
    write(interruptId, 0x01);
    write(scratch, 0x5a);
    write(lineControl, 0x83);
    write(data, 0x34);
    write(interruptEnable, 0x12);
    port.receive(Buffer.from("in"));
    const saved = JSON.stringify(port.save());
    raised = 0;
    port = new SerialPort({ send: (byte) => sent.push(byte), raise: () => raised++ });
    port.restore(new PlainReader(JSON.parse(saved), "/saved"));
    expect(raised, "what was pending is").to.equal(1);
    expect([read(scratch), read(data), read(interruptEnable)]).to.deep.equal([0x5a, 0x34, 0x12]);
    write(lineControl, 0x03);
    expect([read(interruptEnable), read(interruptId)]).to.deep.equal([0x03, 0xc4]);
    expect([read(data), read(data), read(lineStatus) & 1]).to.deep.equal([...Buffer.from("in"), 0]);
    expect(JSON.stringify(port.save())).to.not.equal(saved);
  });

  it("takes its divisor in place of data while that is set", () => {
    write(lineControl, 0x83);
    write(data, 0x01);
    write(interruptEnable, 0x02);
    expect([read(data), read(interruptEnable)]).to.deep.equal([1, 2]);
    write(lineControl, 0x03);
    expect([sent, read(interruptEnable)]).to.deep.equal([[], 0]);
  });

  it("interrupts for input, and for having sent, each until it is seen", () => {
    write(interruptEnable, 0x03);
    expect(raised).to.equal(1);
    expect(read(interruptId)).to.equal(0x02);
    expect(read(interruptId)).to.equal(0x01);
    expect(port.receive(Buffer.from("ab"))).to.equal(2);
    expect(raised).to.equal(2);
    expect(read(interruptId)).to.equal(0x04);
    expect(read(lineStatus)).to.equal(0x61);
    expect([read(data), read(data), read(data)]).to.deep.equal([97, 98, 0]);
    expect(read(interruptId)).to.equal(0x01);
    write(data, 1);
    expect(read(interruptId)).to.equal(0x02);
  });

  it("gives back what it sends while it is looped, and shows its outputs as inputs", () => {
    write(modemControl, 0x1a);
    write(data, 0x55);
    expect([sent, read(data)]).to.deep.equal([[], 0x55]);
    expect(read(modemStatus)).to.equal(0x90);
    write(modemControl, 0x0b);
    expect(read(modemStatus)).to.equal(0xb0);
  });

  it("tells of fifos once they are on, forgets input when told, and keeps a byte for whoever looks for it", () => {
    expect(read(interruptId) & 0xc0).to.equal(0);
    port.receive(Buffer.from("x"));
    write(interruptId, 0x03);
    expect(read(interruptId) & 0xc0).to.equal(0xc0);
    expect(read(lineStatus) & 1).to.equal(0);
    write(scratch, 0xa5);
    expect(read(scratch)).to.equal(0xa5);
  });

  it("refuses more input than it can hold", () => {
    expect(port.receive(new Uint8Array(5000))).to.equal(1024);
    expect(port.receive(new Uint8Array(1))).to.equal(0);
  });

  it("takes any access", () => {
    const access = fc.record({
      offset: fc.nat(9),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
      isWrite: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(access, { maxLength: 60 }), (all) => {
        for (const { offset, bytes, isWrite } of all) {
          if (isWrite) port.write(offset, bytes);
          else port.read(offset, bytes);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
