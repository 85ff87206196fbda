import { expect } from "chai";
import type { Socket } from "node:net";
import { HostOutput } from "../../../../../src/vmm/virtio/vsock/host-output.js";

/** A socket that ends its writes when it is told to. */
class SlowSocket {
  readonly writes: Buffer[] = [];
  ended = false;
  #pending: ((error?: Error) => void) | undefined;

  write(data: Uint8Array, done: (error?: Error) => void): boolean {
    expect(this.#pending, "a write is under way").to.equal(undefined);
    this.writes.push(Buffer.from(data));
    this.#pending = done;
    return false;
  }

  end(done: () => void): void {
    this.ended = true;
    done();
  }

  finish(error?: Error): void {
    const done = this.#pending;
    this.#pending = undefined;
    done?.(error);
  }
}

describe("what the guest sends to a host's program", () => {
  let socket: SlowSocket;
  let output: HostOutput;
  let written: number;
  let finished: number;

  beforeEach(() => {
    socket = new SlowSocket();
    written = 0;
    finished = 0;
    output = new HostOutput(
      socket as unknown as Socket,
      (bytes) => (written += bytes),
      () => finished++,
    );
  });

  it("is gathered while a write is under way", () => {
    for (let round = 0; round < 3; round++) {
      socket.writes.length = 0;
      written = 0;
      const all = Buffer.alloc(65_536);
      for (let i = 0; i < all.length; i++) all[i] = (i + round) & 0xff;
      for (const [i] of all.entries()) output.write(all.subarray(i, i + 1));
      expect(socket.writes).to.have.length(1);
      socket.finish();
      expect(written).to.equal(1);
      expect(socket.writes).to.have.length(2);
      socket.finish();
      expect(written).to.equal(all.length);
      expect(Buffer.concat(socket.writes).equals(all)).to.equal(true);
    }
  });

  it("keeps what is being written as it is", () => {
    output.write(Buffer.from("a"));
    output.write(Buffer.from("b"));
    socket.finish();
    output.write(Buffer.from("c"));
    socket.finish();
    output.write(Buffer.from("d"));
    socket.finish();
    expect(socket.writes.map(String)).to.deep.equal(["a", "b", "c", "d"]);
  });

  it("ends after the last byte", () => {
    output.write(Buffer.from("a"));
    output.write(Buffer.from("b"));
    output.end();
    socket.finish();
    expect({ ended: socket.ended, finished }).to.deep.equal({ ended: false, finished: 0 });
    socket.finish();
    expect({ ended: socket.ended, finished, said: output.ended }).to.deep.equal({
      ended: true,
      finished: 1,
      said: true,
    });
  });

  it("ends at once when there is nothing", () => {
    output.end();
    expect(finished).to.equal(1);
  });

  it("does no more once the socket broke", () => {
    output.write(Buffer.from("a"));
    output.write(Buffer.from("b"));
    output.end();
    socket.finish(new Error("broken"));
    expect({ written, ended: socket.ended, writes: socket.writes.length }).to.deep.equal({
      written: 0,
      ended: false,
      writes: 1,
    });
  });
});
