import { expect } from "chai";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { findSerialPort, serialTransport } from "../../../../../guest/agent/ports/serial-transport.js";
import { silentLogger } from "../../../../../src/core/log.js";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";

describe("virtio-serial ports", () => {
  const sys = createLinuxSys();
  let directory: string;
  let roots: { sys: string; dev: string };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "serial-"));
    roots = { sys: join(directory, "sys"), dev: join(directory, "dev") };
    mkdirSync(roots.dev);
    for (const [port, name] of [
      ["vport0p1", "org.qemu.guest_agent.0\n"],
      ["vport1p1", "kata.1024\n"],
      ["vport1p2", ""],
    ] as const) {
      const entry = join(roots.sys, "class/virtio-ports", port);
      mkdirSync(entry, { recursive: true });
      if (name !== "") writeFileSync(join(entry, "name"), name);
    }
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  it("are found by their name", () => {
    expect(findSerialPort(roots, 1024)).to.equal(join(roots.dev, "vport1p1"));
    expect(findSerialPort(roots, 1025)).to.equal(undefined);
    expect(findSerialPort({ sys: "/nowhere", dev: "/dev" }, 1024)).to.equal(undefined);
  });

  it("give what the host says first, and tell its end", async () => {
    // a terminal's slave reads its end as a port does whose host side closes
    const terminal = sys.terminals.open();
    symlinkSync(terminal.path, join(roots.dev, "vport1p1"));
    const streams: Duplex[] = [];
    const stop = new AbortController();
    serialTransport(sys, roots, silentLogger).serve(1024, (stream) => streams.push(stream), stop.signal);
    sys.descriptors.write(terminal.master, Buffer.from("hello\n"));
    while (streams.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const [stream] = streams;
    const heard = new Promise<string>((resolve) => stream?.once("data", (piece: Buffer) => resolve(piece.toString())));
    expect(await heard).to.equal("hello\n");
    sys.descriptors.close(terminal.slave);
    const closed = new Promise((resolve) => stream?.once("close", resolve));
    sys.descriptors.close(terminal.master);
    await closed;
    stop.abort();
    expect(streams).to.have.length(1);
  });
});
