import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { defaultSpec } from "../../../src/core/oci/default-spec.js";
import { runtimeFlags } from "../../support/containerd.js";
import { makeBusyboxRootfs } from "../../support/rootfs.js";
import { describeContainerd, podForAll } from "./suite.js";

const image = "docker.io/library/app:test";
const [uid, gid, extra] = [1000, 1001, 1002];

describeContainerd("a container of an image", (suite) => {
  const pod = podForAll(suite);
  before("make an image", () =>
    suite.containerd.importImage({
      name: image,
      config: { User: "app", WorkingDir: "/home/app", Env: ["PATH=/bin", "GREETING=hello there", "EMPTY="] },
      change(rootfs) {
        writeFileSync(
          join(rootfs, "etc/passwd"),
          `root:x:0:0::/root:/bin/sh\napp:x:${uid}:${gid}::/home/app:/bin/sh\n`,
        );
        writeFileSync(join(rootfs, "etc/group"), `root:x:0:\napp:x:${gid}:\nmore:x:${extra}:app\n`);
        mkdirSync(join(rootfs, "home/app"), { recursive: true });
        chownSync(join(rootfs, "home/app"), uid, gid);
      },
    }),
  );

  /** Runs the image's container in the pod; gives the lines it prints. */
  async function linesOf(flags: readonly string[], script: string, ...args: readonly string[]): Promise<string[]> {
    const command = ["run", "--rm", ...runtimeFlags, ...pod.flags, ...flags, image, suite.newId()];
    const { status, stdout, stderr } = await suite.containerd.ctr([...command, "sh", "-c", script, "sh", ...args]);
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: "" });
    return stdout.split("\n").slice(0, -1);
  }

  it("has its user with all groups, its directory and its environment", async () => {
    const lines = await linesOf(
      [],
      'id -u; id -g; id -G; pwd; echo "$GREETING|${EMPTY-unset}|$PATH"; echo x > f; cat f',
    );
    expect(lines).to.deep.equal([String(uid), String(gid), `${gid} ${extra}`, "/home/app", "hello there||/bin", "x"]);
  });

  it("has the arguments, variables, labels and annotations it is given, whatever is in them", async () => {
    const odd = ["two\nlines", "ünïcode 🐳 日本", "\"quotes\" 'and' \\slashes\\ $not `run`", "", " ", "--flag"];
    const flags = [
      "--env",
      "ODD=a=b\nc 🐳",
      "--cwd",
      "/tmp",
      "--label",
      'odd/label=ä = "q"',
      "--annotation",
      "odd=\\ ü",
    ];
    const lines = await linesOf(flags, 'echo "$ODD"; pwd; for one; do echo "<$one>"; done', ...odd);
    expect(lines.join("\n")).to.equal(["a=b\nc 🐳", "/tmp", ...odd.map((one) => `<${one}>`)].join("\n"));
  });

  it("has the capabilities that are left, and gets no others", async () => {
    const capabilities = "grep -E '^(CapPrm|CapEff|CapBnd|NoNewPrivs)' /proc/self/status";
    const asRoot = ["--cap-drop", "CAP_CHOWN", "--cap-drop", "CAP_NET_RAW", "--cap-add", "CAP_SYS_TIME"];
    const bound = (0xa80425fbn & ~(1n << 0n) & ~(1n << 13n)) | (1n << 25n);
    const [permitted, effective, bounding, noNew] = await linesOf(asRoot, capabilities);
    expect(bounding).to.equal(`CapBnd:\t${bound.toString(16).padStart(16, "0")}`);
    for (const line of [permitted, effective]) expect(line).to.match(/:\t0{16}$/);
    expect(noNew).to.equal("NoNewPrivs:\t1");
  });

  it("has a root that cannot be written to, and mounts that can be read only", async () => {
    const source = join(suite.containerd.directory, "source");
    mkdirSync(source);
    writeFileSync(join(source, "file"), "of the host\n");
    chownSync(source, uid, gid);
    const mount = (to: string, how: string): string[] => [
      "--mount",
      `type=bind,src=${source},dst=${to},options=rbind:${how}`,
    ];
    const flags = ["--read-only", ...mount("/ro", "ro"), ...mount("/rw", "rw")];
    const attempt = (path: string): string =>
      `(echo x > ${path}) 2>/dev/null && echo "wrote ${path}" || echo "not ${path}"`;
    const script = ["cat /ro/file", ...["/home/app/f", "/ro/f", "/rw/f", "/dev/shm/f", "/run/f"].map(attempt)].join(
      "; ",
    );
    expect(await linesOf(flags, script)).to.deep.equal([
      "of the host",
      "not /home/app/f",
      "not /ro/f",
      "wrote /rw/f",
      "wrote /dev/shm/f",
      "not /run/f",
    ]);
    expect(readFileSync(join(source, "f"), "utf8")).to.equal("x\n");
  });

  it("does not see or change what is masked or to be read only in its kernel's files", async () => {
    const script = [
      "head -c 1 /proc/kcore | wc -c",
      "ls /proc/acpi /sys/firmware | grep -vc :",
      "(echo x > /proc/sys/kernel/hostname) 2>/dev/null && echo wrote || echo not",
      "(echo b > /proc/sysrq-trigger) 2>/dev/null && echo wrote || echo not",
      "stat -c '%a %F' /dev/shm /dev/null",
    ];
    const lines = await linesOf([], script.join("; "));
    expect(lines).to.deep.equal(["0", "1", "not", "not", "1777 directory", "666 character special file"]);
  });

  it("has its pid in a file, a group of its own name, and a root of any snapshotter", async () => {
    const file = join(suite.containerd.directory, "pid");
    const flags = ["--pid-file", file, "--cgroup", "/odd name/group", "--snapshotter", "native"];
    const [first, second] = await linesOf(flags, "cat /proc/self/cgroup; echo written > f; cat f");
    expect([first, second]).to.deep.equal(["0::/", "written"]);
    expect(Number(readFileSync(file, "utf8"))).to.be.greaterThan(1);
  });

  it("has a root file system that is a directory of the host", async () => {
    const rootfs = join(suite.containerd.directory, "rootfs");
    mkdirSync(rootfs);
    makeBusyboxRootfs(rootfs);
    const id = suite.newId();
    const command = ["run", "--rm", ...runtimeFlags, ...pod.flags, "--rootfs", rootfs, id];
    const { status, stdout } = await suite.containerd.ctr([...command, "/bin/sh", "-c", "echo made > /made; exit 8"]);
    expect({ status, stdout }).to.deep.equal({ status: 8, stdout: "" });
    expect(readFileSync(join(rootfs, "made"), "utf8")).to.equal("made\n");
    expect(existsSync(join(rootfs, "bin/busybox"))).to.equal(true);
  });

  it("cannot have devices of the host, and says which it wanted", async () => {
    for (const flags of [["--privileged"], ["--device", "/dev/kvm"]]) {
      const id = suite.newId();
      const { status, stderr } = await suite.containerd.run(id, ["--rm", ...pod.flags, ...flags], ["true"]);
      expect(status).to.equal(1);
      expect(stderr)
        .to.include("linux.devices")
        .and.match(/"\/dev\/\w+/);
    }
  });
});

describeContainerd("a container of a whole specification", (suite) => {
  it("has its host name, user, limits and seccomp profile; what cannot be passed on is logged", async () => {
    const { containerd } = suite;
    const id = suite.newId();
    const rootfs = join(containerd.directory, "rootfs");
    mkdirSync(rootfs);
    makeBusyboxRootfs(rootfs);
    const script = [
      "hostname; id -u; id -G; ulimit -n; ulimit -Hn; ulimit -c",
      "mkdir /tmp/d 2>/dev/null || echo no directory",
      "cat /proc/self/oom_score_adj; grep -E '^Seccomp:' /proc/self/status",
    ].join("; ");
    const spec = defaultSpec({ rootPath: rootfs, args: ["/bin/sh", "-c", script] });
    const file = join(containerd.directory, "config.json");
    const process = {
      ...spec.process,
      user: { uid: 4242, gid: 4343, additionalGids: [7, 8], umask: 0o27 },
      rlimits: [
        { type: "RLIMIT_NOFILE", soft: 100, hard: 200 },
        { type: "RLIMIT_CORE", soft: 0, hard: 0 },
      ],
      oomScoreAdj: 321,
    };
    const seccomp = {
      defaultAction: "SCMP_ACT_ALLOW",
      architectures: ["SCMP_ARCH_X86_64"],
      syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" }],
    };
    const linux = { ...spec.linux, seccomp };
    writeFileSync(file, JSON.stringify({ ...spec, process, linux, hostname: "named-here" }));
    const toml = join(containerd.directory, "configuration.toml");
    writeFileSync(toml, "[runtime]\ndisable_guest_seccomp = false\n");
    const flags = [...runtimeFlags, "--runtime-config-path", toml, "--config", file];
    const { status, stdout, stderr } = await containerd.ctr(["run", "--rm", ...flags, id]);
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: "" });
    expect(stdout.split("\n")).to.deep.equal([
      "named-here",
      "4242",
      "4343 7 8",
      "100",
      "200",
      "0",
      "no directory",
      "321",
      "Seccomp:\t2",
      "",
    ]);
    // The agent's protocol has no place for it.
    expect(containerd.log).to.include("process.user.umask");
  });
});
