import { expect } from "chai";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { duplexPair, type Duplex } from "node:stream";
import { serveUpcall } from "../../../../../guest/agent/upcall/serve-upcall.js";
import { silentLogger } from "../../../../../src/core/log.js";
import {
  checkGreeting,
  decodeReply,
  encodeRequest,
  messageBytes,
  type UpcallReply,
  type UpcallRequest,
} from "../../../../../src/core/upcall/message.js";
import { readExactly } from "../../../../../src/core/upcall/read-exactly.js";

const address = 0xd0001000;
const size = 0x1000;

describe("the guest's side of plugging", () => {
  let root: string;
  let host: Duplex;
  let guest: Duplex;
  let served: Promise<void>;
  /** What loading a module does. */
  let load: (name: string) => void;
  let loaded: string[];

  const file = (path: string): string => join(root, path);
  const make = (path: string, content: string): void => {
    mkdirSync(join(file(path), ".."), { recursive: true });
    writeFileSync(file(path), content);
  };
  const driver = "sys/bus/platform/drivers/virtio-mmio";
  const slot = "sys/bus/platform/devices/LNRO0005:01";
  const told = (name: string): string => readFileSync(file(`${driver}/${name}`), "latin1");
  /** The device has come of the slot, and a driver has it. */
  const bound = (path: string): void => symlinkSync(root, file(`${path}/driver`));

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "kata-guest-"));
    loaded = [];
    load = () => undefined;
    make(
      "proc/iomem",
      "00000000-bfffffff : System RAM\nd0000000-d0000fff : LNRO0005:00\n  d0001000-d0001fff : LNRO0005:01\n",
    );
    make(`${driver}/bind`, "");
    make(`${driver}/unbind`, "");
    make(`${slot}/uevent`, "");
    mkdirSync(file("dev"));
    [host, guest] = duplexPair();
    const roots = { run: file("run"), proc: file("proc"), sys: file("sys"), dev: file("dev"), cgroup: file("cgroup") };
    const modules = {
      load: async (name: string) => {
        loaded.push(name);
        load(name);
      },
    };
    served = serveUpcall({ roots, modules, log: silentLogger }, guest);
  });

  afterEach(async () => {
    host.end();
    await served;
    rmSync(root, { recursive: true });
  });

  const greet = async (): Promise<void> => {
    host.write("d");
    checkGreeting((await readExactly(host, messageBytes)) ?? Buffer.alloc(0));
  };

  const ask = async (request: UpcallRequest): Promise<UpcallReply> => {
    host.write(encodeRequest(request));
    return decodeReply(request.kind, (await readExactly(host, messageBytes)) ?? Buffer.alloc(0));
  };

  it("binds a slot by its address, and names the disk that comes of it", async () => {
    make(`${slot}/virtio5/block/vdb/dev`, "");
    bound(`${slot}/virtio5`);
    await greet();
    expect(await ask({ kind: "addMmio", address, size, line: 6 })).to.deep.equal({ result: 0, disk: "vdb" });
    expect([told("bind"), told("unbind"), loaded]).to.deep.equal(["LNRO0005:01", "", []]);
  });

  it("finds a slot too that the kernel was told of by its command line", async () => {
    make("proc/iomem", "d0001000-d0001fff : virtio-mmio.1\n");
    make("sys/bus/platform/devices/virtio-mmio.1/virtio0/block/vda/dev", "");
    bound("sys/bus/platform/devices/virtio-mmio.1/virtio0");
    await greet();
    expect(await ask({ kind: "addMmio", address, size, line: 6 })).to.deep.equal({ result: 0, disk: "vda" });
    expect(told("bind")).to.equal("virtio-mmio.1");
  });

  it("loads the driver that a device needs", async () => {
    make(`${slot}/virtio5/device`, "0x0001\n");
    load = (name) => name === "virtio_net" && bound(`${slot}/virtio5`);
    await greet();
    expect(await ask({ kind: "addMmio", address, size, line: 6 })).to.deep.equal({ result: 0 });
    expect(loaded).to.deep.equal(["virtio_net"]);
  });

  it("lets go again of a device that no driver takes", async () => {
    make(`${slot}/virtio5/device`, "0x0077\n");
    await greet();
    expect(await ask({ kind: "addMmio", address, size, line: 6 })).to.deep.equal({ result: -19 });
    expect([told("bind"), told("unbind")]).to.deep.equal(["LNRO0005:01", "LNRO0005:01"]);
  });

  it("knows no slot where the kernel has none", async () => {
    await greet();
    for (const request of [
      { kind: "addMmio", address: 0xd0002000, size, line: 7 },
      { kind: "delMmio", address, size: 0x2000, line: 6 },
      { kind: "addMmio", address: 0, size: 0xc0000000, line: 6 },
    ] as const)
      expect(await ask(request)).to.deep.equal({ result: -19 });
    expect(told("bind")).to.equal("");
  });

  it("lets go of a device, once", async () => {
    make(`${slot}/virtio5/block/vdb/dev`, "");
    await greet();
    expect(await ask({ kind: "delMmio", address, size, line: 6 })).to.deep.equal({ result: 0 });
    expect(told("unbind")).to.equal("");
    bound(slot);
    expect(await ask({ kind: "delMmio", address, size, line: 6 })).to.deep.equal({ result: 0 });
    expect(told("unbind")).to.equal("LNRO0005:01");
  });

  it("brings processors into use and out of it, as many as there are", async () => {
    const online = (id: number): string => file(`sys/devices/system/cpu/cpu${id}/online`);
    make("sys/devices/system/cpu/cpu0/topology/x", "");
    make("sys/devices/system/cpu/cpu1/online", "0\n");
    make("sys/devices/system/cpu/cpu2/online", "0\n");
    await greet();
    expect(await ask({ kind: "addCpu", ids: [0, 1, 2, 3] })).to.deep.equal({ result: -19, processors: 3 });
    expect([1, 2].map((id) => readFileSync(online(id), "latin1").trim())).to.deep.equal(["1", "1"]);
    expect(await ask({ kind: "delCpu", ids: [2] })).to.deep.equal({ result: 0, processors: 1 });
    expect([1, 2].map((id) => readFileSync(online(id), "latin1").trim())).to.deep.equal(["1", "0"]);
    expect((await ask({ kind: "delCpu", ids: [0] })).result).to.equal(-2);
    expect(existsSync(file("sys/devices/system/cpu/cpu0/online"))).to.equal(false);
  });

  it("hangs up on who asks for another service", async () => {
    host.write("x");
    await served;
    expect(guest.destroyed).to.equal(true);
  });

  it("hangs up on what is no request", async () => {
    await greet();
    host.write(Buffer.alloc(messageBytes));
    await served;
    expect(guest.destroyed).to.equal(true);
  });
});
