import { once } from "node:events";
import { fstatSync } from "node:fs";
import { expect } from "chai";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import { deadline, rejected, thrown } from "../fixture.js";

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10));

describe("descriptors", () => {
  const { descriptors, processes } = createLinuxSys();

  it("count with an eventfd", () => {
    const fd = descriptors.eventfd(3);
    descriptors.addEventfd(fd);
    descriptors.addEventfd(fd, 2n ** 40n);
    expect(descriptors.readEventfd(fd)).to.equal(2n ** 40n + 4n);
    expect(descriptors.readEventfd(fd)).to.equal(undefined);
    descriptors.close(fd);
  });

  it("are read and written in pieces", () => {
    const { read, write } = descriptors.pipe();
    descriptors.setNonBlocking(read, true);
    const memory = Buffer.alloc(8, 0x2e);
    expect(descriptors.readVector(read, [memory])).to.equal(undefined);
    expect(descriptors.writeVector(write, [Buffer.from("one"), Buffer.from("xtwox").subarray(1, 4)])).to.equal(6);
    expect(descriptors.readVector(read, [memory.subarray(1, 3), memory.subarray(4, 8)])).to.equal(6);
    expect(memory.toString()).to.equal(".on.etwo");
    descriptors.close(write);
    expect(descriptors.readVector(read, [memory])).to.equal(0);
    descriptors.close(read);
    expect(thrown(() => descriptors.readVector(read, [memory]))).to.equal("EBADF");
    expect(thrown(() => descriptors.writeVector(write, [memory]))).to.equal("EBADF");
  });

  it("are watched until the watch is changed or closed", async () => {
    const fd = descriptors.eventfd();
    let calls = 0;
    const watch = descriptors.watch(fd, { readable: true }, (ready) => {
      expect(ready).to.deep.equal({ readable: true, writable: false });
      calls++;
      descriptors.readEventfd(fd);
    });
    await turn();
    expect(calls).to.equal(0);
    descriptors.addEventfd(fd);
    await turn();
    expect(calls).to.equal(1);
    watch.update({});
    descriptors.addEventfd(fd);
    await turn();
    expect(calls).to.equal(1);
    watch.update({ readable: true });
    await turn();
    expect(calls).to.equal(2);
    watch.close();
    watch.close();
    watch.update({ readable: true });
    watch.ref();
    watch.unref();
    descriptors.addEventfd(fd);
    await turn();
    expect(calls).to.equal(2);
    descriptors.close(fd);
  });

  it("settle promises from a watch", async () => {
    const fd = descriptors.eventfd(1);
    await descriptors.ready(fd, { readable: true }, deadline);
    await descriptors.ready(fd, { writable: true }, deadline);
    descriptors.readEventfd(fd);
    const late = rejected(() => descriptors.ready(fd, { readable: true }, { ms: 20, what: "the counter" }));
    expect(await late).to.equal("KATA_DEADLINE");
    await descriptors.ready(fd, { writable: true }, deadline);
    descriptors.close(fd);
  });

  it("have what a watch throws be nobody's to catch, and are watched on", async () => {
    const fd = descriptors.eventfd(1);
    let calls = 0;
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    try {
      const uncaught = once(process, "uncaughtException");
      const watch = descriptors.watch(fd, { readable: true }, () => {
        descriptors.readEventfd(fd);
        if (++calls === 1) throw new Error("of the first call");
      });
      expect(String((await uncaught)[0])).to.equal("Error: of the first call");
      descriptors.addEventfd(fd);
      await turn();
      expect(calls).to.equal(2);
      watch.close();
    } finally {
      for (const listener of listeners) process.on("uncaughtException", listener);
    }
    descriptors.close(fd);
  });

  it("stay watched through garbage collection", async () => {
    const fd = descriptors.eventfd();
    let woken = false;
    const watch = descriptors.watch(fd, { readable: true }, () => {
      woken = true;
      watch.close();
    });
    const { setFlagsFromString } = await import("node:v8");
    const { runInNewContext } = await import("node:vm");
    setFlagsFromString("--expose-gc");
    (runInNewContext("gc") as () => void)();
    await turn();
    descriptors.addEventfd(fd);
    await turn();
    expect(woken).to.equal(true);
    descriptors.close(fd);
  });

  it("are watched twice, and beyond their own end", async () => {
    const { read, write } = descriptors.pipe();
    const seen: string[] = [];
    const watches = ["a", "b"].map((name) =>
      descriptors.watch(read, { readable: true }, () => {
        seen.push(name);
        watches[name === "a" ? 0 : 1]?.close();
      }),
    );
    descriptors.close(read);
    descriptors.write(write, Buffer.from("x"));
    await turn();
    expect(seen).to.have.members(["a", "b"]);
    expect(thrown(() => descriptors.write(write, Buffer.from("x")))).to.equal("EPIPE");
    descriptors.close(write);
  });

  it("are refused where readiness has no meaning", () => {
    const file = descriptors.memfd("plain", 100);
    expect(fstatSync(file).size).to.equal(100);
    expect(thrown(() => descriptors.watch(file, { readable: true }, () => undefined))).to.equal("KATA_SYS_WATCH");
    descriptors.close(file);
    expect(thrown(() => descriptors.watch(file, { readable: true }, () => undefined))).to.equal("KATA_SYS_WATCH");
  });

  it("are duplicated, replaced and marked", () => {
    const { read, write } = descriptors.pipe();
    const copy = descriptors.duplicate(write, 100);
    expect(copy).to.be.at.least(100);
    descriptors.setNonBlocking(read, true);
    const into = Buffer.alloc(10);
    expect(descriptors.read(read, into)).to.equal(undefined);
    expect(descriptors.write(copy, Buffer.from("abc"))).to.equal(3);
    expect(descriptors.read(read, into)).to.equal(3);
    descriptors.close(write);
    descriptors.close(copy);
    expect(descriptors.read(read, into)).to.equal(0);
    const other = descriptors.eventfd();
    descriptors.replace(other, read);
    expect(descriptors.readEventfd(read)).to.equal(undefined);
    descriptors.setCloseOnExec(read, false);
    expect(descriptors.isTerminal(read)).to.equal(false);
    processes.closeRange(read, read);
    expect(thrown(() => descriptors.close(read))).to.equal("EBADF");
    descriptors.close(other);
  });

  it("name the call that is refused", () => {
    expect(() => descriptors.read(-1, Buffer.alloc(4))).to.throw("read(-1, <4 bytes>, 4): EBADF (bad file descriptor)");
  });
});
