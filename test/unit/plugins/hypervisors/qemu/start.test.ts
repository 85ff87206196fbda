import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type HypervisorConfig, hypervisorKeys } from "../../../../../src/core/config/keys/hypervisor.js";
import { defaultsOf } from "../../../../../src/core/config/keys/key.js";
import { codeOf, messageOf } from "../../../../../src/core/errors/error.js";
import { createLogger, type LogLevel } from "../../../../../src/core/log.js";
import { chooseAccelerator } from "../../../../../src/plugins/hypervisors/qemu/accelerator.js";
import { openChannel } from "../../../../../src/plugins/hypervisors/qemu/channel.js";
import { config } from "../../../../../src/plugins/hypervisors/qemu/config.js";
import { GuestConsole } from "../../../../../src/core/hypervisor/guest-console.js";
import { guestFiles, type GuestKeys } from "../../../../../src/core/hypervisor/guest-files.js";
import { type CommandLineParts, kernelCommandLine } from "../../../../../src/core/hypervisor/kernel-command-line.js";
import { clockParameters } from "../../../../../src/plugins/hypervisors/qemu/clock-parameters.js";
import { findQemu } from "../../../../../src/plugins/hypervisors/qemu/program.js";
import { MachineSocketFiles } from "../../../../../src/plugins/hypervisors/qemu/sockets.js";
import { fakeSys } from "../../../../../src/testing/fake-sys.js";
import { PassThrough } from "node:stream";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "qemu-start-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const thrownBy = (act: () => unknown): unknown => {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
};

describe("the guest a QEMU machine boots", () => {
  const none: GuestKeys = { kernel: "", image: "", initrd: "", rootfs_type: "ext4" };
  const file = (name: string, content: string | Uint8Array = "") => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  const build = (manifest: unknown) => {
    const built = join(directory, "cache/current");
    mkdirSync(built, { recursive: true });
    writeFileSync(join(built, "manifest.json"), JSON.stringify(manifest));
    return built;
  };
  const find = (keys: Partial<GuestKeys>) =>
    guestFiles({ ...none, ...keys }, { hypervisor: "qemu", cache: join(directory, "cache"), where: () => "here:1" });

  it("is the built one when configuration names none, with its own parameters", () => {
    const built = build({ kernelParams: ["root=/dev/vda", "ro", "tsc=reliable"] });
    expect(find({})).to.deep.equal({
      kernel: `${built}/vmlinuz`,
      initrd: `${built}/initrd`,
      image: `${built}/image`,
      parameters: ["root=/dev/vda", "ro", "tsc=reliable"],
    });
    build({});
    expect(find({}).parameters).to.deep.equal(["root=/dev/vda", "rootfstype=ext4", "ro"]);
  });

  it("says how to build one when there is none", () => {
    const error = thrownBy(() => find({}));
    expect(codeOf(error)).to.equal("KATA_HYPERVISOR_NO_GUEST");
    expect(messageOf(error)).to.include("kata-ts guest build").and.include("kernel");
    build("broken");
    writeFileSync(join(directory, "cache/current/manifest.json"), "{");
    expect(codeOf(thrownBy(() => find({})))).to.equal("KATA_HYPERVISOR_NO_GUEST");
  });

  it("has the root that configuration names, with or without partitions", () => {
    const built = build({});
    const partitioned = Buffer.alloc(4096);
    partitioned.writeUInt16LE(0xaa55, 510);
    partitioned[450] = 0x83;
    const image = file("partitioned.img", partitioned);
    const kernel = file("vmlinuz");
    const kata = ["rootflags=data=ordered,errors=remount-ro", "ro", "rootfstype=ext4"];
    expect(find({ kernel, image })).to.deep.equal({ kernel, image, parameters: ["root=/dev/vda1", ...kata] });
    const bare = file("bare.img", Buffer.alloc(4096));
    expect(find({ kernel, image: bare }).parameters).to.deep.equal(["root=/dev/vda", ...kata]);
    expect(find({ kernel, image: bare, rootfs_type: "erofs" }).parameters).to.include("rootflags=ro");
    expect(find({ image })).to.include({ kernel: `${built}/vmlinuz`, initrd: `${built}/initrd` });
    const initrd = file("initrd");
    expect(find({ kernel, initrd })).to.deep.equal({ kernel, initrd, parameters: [] });
    expect(find({ kernel })).to.include({ kernel, initrd: `${built}/initrd`, image: `${built}/image` });
    truncateSync(bare, 10);
    expect(find({ kernel, image: bare }).parameters[0]).to.equal("root=/dev/vda");
  });

  it("names the key of a file that cannot be used", () => {
    for (const key of ["kernel", "image", "initrd"] as const) {
      const error = thrownBy(() => find({ [key]: "/nonexistent/file" }));
      expect(codeOf(error)).to.equal("KATA_HYPERVISOR_GUEST_FILE");
      expect(messageOf(error)).to.include(`[hypervisor.qemu] ${key} (here:1)`).and.include("/nonexistent/file");
    }
    expect(messageOf(thrownBy(() => find({ kernel: directory })))).to.include("no file");
    const fifo = join(directory, "fifo");
    execFileSync("mkfifo", [fifo]);
    expect(messageOf(thrownBy(() => find({ kernel: fifo })))).to.include("no file");
  });
});

describe("the guest's kernel command line", () => {
  const parts: CommandLineParts = {
    hypervisor: "qemu",
    machine: [],
    debug: false,
    root: ["root=/dev/vda"],
    added: ["agent.log=debug"],
    configured: 'a="b c"  d -- e',
  };
  it("has the configured parameters last, and tells all only for debugging", () => {
    const line = kernelCommandLine(parts);
    expect(line).to.match(/^reboot=t panic=-1 .* console=ttyS0 quiet root=\/dev\/vda agent.log=debug a="b c" d -- e$/);
    expect(kernelCommandLine({ ...parts, debug: true })).to.not.include("quiet");
  });

  it("tells an emulated microvm the speed of the clock", () => {
    expect(clockParameters("microvm", "tcg").join(" ")).to.match(/^tsc_early_khz=\d{5,8}$/);
    expect(clockParameters("microvm", "kvm")).to.deep.equal([]);
    expect(clockParameters("q35", "tcg")).to.deep.equal([]);
  });

  it("is refused when the kernel would cut it off", () => {
    const error = thrownBy(() => kernelCommandLine({ ...parts, configured: "x".repeat(2048) }));
    expect(codeOf(error)).to.equal("KATA_HYPERVISOR_COMMAND_LINE");
    expect(messageOf(error)).to.include("2047").and.include("kernel_params");
  });
});

describe("the way to the guest of a QEMU machine", () => {
  const options = { runDirectory: "/run/x", debugConsole: false, device: "/dev/null" };
  const cidOf = (argument: unknown) => Buffer.from(argument as Uint8Array).readBigUInt64LE();

  it("is vsock with a context id that nobody else has", () => {
    const sys = fakeSys();
    sys.answer("devices", "ioctl", () => 0);
    sys.fail("devices", "ioctl", "EADDRINUSE", 2);
    const ids = [70_001, 70_002, 70_003];
    const channel = openChannel(sys, { ...options, random: () => ids.shift() ?? 0 });
    expect(channel.address).to.deep.equal({ kind: "vsock", cid: 70_003 });
    const calls = sys.callsTo("devices", "ioctl");
    expect(calls.map(([, request, argument]) => [request, cidOf(argument)])).to.deep.equal(
      [70_001n, 70_002n, 70_003n].map((cid) => [0x4008af60, cid]),
    );
    channel.release();
    channel.release();
    expect(sys.callsTo("descriptors", "close")).to.have.length(1);
  });

  it("gives up when every context id is taken, and leaves no descriptor", () => {
    const sys = fakeSys();
    sys.fail("devices", "ioctl", "EADDRINUSE");
    expect(codeOf(thrownBy(() => openChannel(sys, options)))).to.equal("KATA_QEMU_NO_CID");
    expect(sys.callsTo("devices", "ioctl")).to.have.length(50);
    expect(sys.callsTo("descriptors", "close")).to.have.length(1);
  });

  it("is virtio-serial where there is no vsock, and says why", () => {
    const sys = fakeSys();
    const channel = openChannel(sys, { ...options, device: "/nonexistent", runDirectory: directory });
    expect(channel.address).to.deep.equal({ kind: "virtio-serial", directory });
    expect(channel.reason).to.include("ENOENT");
    sys.fail("devices", "ioctl", "ENOTTY");
    expect(openChannel(sys, options).reason).to.include("ENOTTY");
  });

  it("has a socket a port, for the debug console only when asked for", () => {
    const ports = (debugConsole: boolean) => {
      const sys = fakeSys();
      const sockets = new MachineSocketFiles(sys, directory);
      const channel = openChannel(sys, { runDirectory: directory, debugConsole, device: "/nonexistent" });
      const parts = channel.parts(sockets);
      sockets.remove();
      return parts.kind === "virtio-serial" ? parts.ports.map(({ port }) => port) : [];
    };
    expect(ports(false)).to.deep.equal([1024, 1025]);
    expect(ports(true)).to.deep.equal([1024, 1025, 1026]);
  });

  it("is refused with the path when that is too long for a socket", () => {
    const sockets = new MachineSocketFiles(fakeSys(), join(directory, "x".repeat(100)));
    const error = thrownBy(() => sockets.listen("qmp"));
    expect(codeOf(error)).to.equal("KATA_SYS_PATH");
    expect(messageOf(error)).to.include("qmp.sock").and.include("107");
    sockets.remove();
  });
});

describe("the accelerator of a QEMU machine", () => {
  const yes = async () => ({ usable: true, reason: "it ran" });
  const no = async () => ({ usable: false, reason: "no /dev/kvm" });
  const never = async () => {
    throw new Error("asked");
  };

  it("is KVM where it works, emulation where not, with the reason", async () => {
    expect(await chooseAccelerator("", "default", yes)).to.include({ kind: "kvm", reason: "it ran" });
    expect(await chooseAccelerator("", "default", no)).to.include({ kind: "tcg", reason: "no /dev/kvm" });
  });

  it("is what configuration insists on", async () => {
    const forced = await chooseAccelerator(" kernel_irqchip=split, accel=tcg", "file:3", never);
    expect(forced).to.deep.include({ kind: "tcg", machineOptions: ["kernel_irqchip=split"] });
    expect((await chooseAccelerator("accel=kvm", "file:3", yes)).kind).to.equal("kvm");
    const error = await chooseAccelerator("accel=kvm", "file:3", no).catch((caught: unknown) => caught);
    expect(codeOf(error)).to.equal("KATA_QEMU_NO_KVM");
    expect(messageOf(error)).to.include("no /dev/kvm").and.include("file:3");
  });
});

describe("QEMU's program", () => {
  it("is the configured one, or found", () => {
    expect(findQemu("/bin/sh", "default")).to.equal("/bin/sh");
    writeFileSync(join(directory, "qemu-system-x86_64"), "", { mode: 0o755 });
    expect(findQemu("", "default", directory)).to.equal(join(directory, "qemu-system-x86_64"));
  });

  it("is missed with the key and the package to install", () => {
    for (const act of [() => findQemu("/nonexistent/qemu", "file:7"), () => findQemu("", "file:7", "/nonexistent")]) {
      const error = thrownBy(act);
      expect(codeOf(error)).to.equal("KATA_QEMU_MISSING");
      expect(messageOf(error)).to.include("[hypervisor.qemu] path (file:7)").and.include("qemu-system-x86");
    }
  });
});

describe("[hypervisor.qemu]", () => {
  const complaints = (values: Partial<HypervisorConfig>) => {
    const hypervisor = { ...defaultsOf(hypervisorKeys), machine_type: "q35", ...values };
    return config.kataConfig.check?.({ hypervisor } as never).map(({ key, problem }) => `${key} ${problem}`);
  };

  it("takes what it knows", () => {
    expect(complaints({})).to.deep.equal([]);
    expect(
      complaints({ machine_type: "microvm", cpu_features: "pmu=off,+avx", machine_accelerators: "accel=tcg" }),
    ).to.deep.equal([]);
  });

  it("says what it does not know, and what it does", () => {
    expect(complaints({ machine_type: "virt" })).to.deep.equal([
      'machine_type is "virt"; this runtime knows "q35" and "microvm"',
    ]);
    expect(complaints({ machine_accelerators: "accel=xen" })?.[0]).to.match(/accel=xen.*"kvm" and "tcg"/);
    expect(complaints({ machine_type: "microvm", pflashes: ["/f"] })?.[0]).to.match(/^pflashes /);
    expect(complaints({ pflashes: ["f"] })?.[0]).to.include("absolute");
    expect(complaints({ queue_size: 2048 })?.[0]).to.match(/^queue_size is 2048.*4 to 1024/);
    expect(complaints({ queue_size: 2 })?.[0]).to.match(/^queue_size is 2;/);
    expect(complaints({ block_device_driver: "virtio-pmem" })?.[0]).to.match(/^block_device_driver .*"virtio-scsi"$/);
    expect(complaints({ block_device_driver: "virtio-pmem", disable_block_device_use: true })).to.deep.equal([]);
    expect(complaints({ indep_iothreads: 65 })?.[0]).to.match(/^indep_iothreads is 65; it takes up to 64/);
    expect(complaints({ enable_vhost_user_store: true })?.[0]).to.match(/^enable_vhost_user_store .*not supported/);
    expect(complaints({ cpu_features: "x -device evil" })?.[0]).to.match(/^cpu_features /);
  });
});

describe("the console of a guest", () => {
  it("keeps its last lines, and logs no more than is bearable", () => {
    const lines: string[] = [];
    const level: LogLevel = "debug";
    const console = new GuestConsole(createLogger((line) => lines.push(line), level));
    const stream = new PassThrough();
    console.attach(stream);
    stream.write(Array.from({ length: 5000 }, (_, index) => `line ${index}\n`).join(""));
    stream.write("\u001b[31mpanic\u0007");
    expect(console.tail(2)).to.deep.equal(["line 4999", "panic\ufffd"]);
    expect(console.tail()).to.have.length(200);
    expect(lines.length).to.be.within(1, 3000);
  });

  it("is read to its end, if that comes in time", async () => {
    const console = new GuestConsole(createLogger(() => undefined, "error"));
    await console.drain(60_000);
    const stream = new PassThrough();
    console.attach(stream);
    await console.drain(1);
    stream.end("last words");
    await console.drain(60_000);
    expect(console.tail()).to.deep.equal(["last words"]);
  });
});
