import { createHash } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { needsRealKvm } from "../../support/needs-kvm.js";
import { TestPod } from "../../support/test-pod.js";
import { describeContainerd } from "./suite.js";

describeContainerd("files of a container whose machine is in the shim's own process", (suite) => {
  let configuration: string;
  let pod: TestPod;

  before(async function () {
    await needsRealKvm(this);
  });

  beforeEach(() => {
    pod = new TestPod();
    configuration = join(suite.containerd.directory, "dragonball.toml");
  });
  afterEach(() => pod.close());

  /** Writes the configuration; what shares the files is the hypervisor's default unless told. */
  function configure(sharedFs?: string): void {
    const lines = [
      "[runtime]",
      'hypervisor_name = "dragonball"',
      "[hypervisor.dragonball]",
      "default_memory = 512",
      ...(sharedFs === undefined ? [] : [`shared_fs = "${sharedFs}"`]),
      "[agent.kata]",
      "reconnect_timeout_ms = 180000",
    ];
    writeFileSync(configuration, `${lines.join("\n")}\n`);
  }

  const start = (id: string, further: readonly string[]) => {
    const flags = ["-d", "--runtime-config-path", configuration, "--with-ns", `network:${pod.namespace}`, ...further];
    return suite.containerd.run(id, flags, ["sleep", "100000"]);
  };

  const executor = (id: string) => async (command: string) =>
    (await suite.containerd.ctr(["tasks", "exec", "--exec-id", "e", id, "sh", "-c", command])).stdout;

  /** A directory of the host's as a volume. */
  const mount = (volume: string, target: string, mode: string) => [
    "--mount",
    `type=bind,src=${volume},dst=${target},options=rbind:${mode}`,
  ];

  const daemons = () => readdirSync("/proc").filter((one) => commOf(one) === "virtiofsd");

  it("are shared by the machine itself, and what either side changes the other sees", async () => {
    configure();
    const before_ = pod.state();
    const volume = mkdtempSync(join(suite.containerd.directory, "volume-"));
    writeFileSync(join(volume, "host"), "from the host");
    mkdirSync(join(volume, "directory"));
    const id = suite.newId();
    const mounts = [...mount(volume, "/volume", "rw"), ...mount(volume, "/readonly", "ro")];
    expect((await start(id, mounts)).stderr).to.equal("");
    expect(daemons()).to.deep.equal([]);
    const exec = executor(id);
    expect(await exec("cat /volume/host /readonly/host")).to.equal("from the hostfrom the host");
    await exec("echo from the guest >/volume/directory/guest; ln -s guest /volume/directory/link; sync");
    expect(readFileSync(join(volume, "directory", "guest"), "utf8")).to.equal("from the guest\n");
    expect(readlinkSync(join(volume, "directory", "link"))).to.equal("guest");
    const refused = await exec("cat /readonly/directory/link; echo no 2>&1 >/readonly/new || echo refused");
    expect(refused).to.match(/from the guest\n[^]*refused/);
    writeFileSync(join(volume, "host"), "changed by the host");
    rmSync(join(volume, "directory", "link"));
    // What the guest has looked at it may believe for a second.
    expect(await exec("sleep 3; cat /volume/host; ls /volume/directory")).to.equal("changed by the hostguest\n");
    // More than a login's process may have open: a guest's kernel remembers all that it has seen.
    mkdirSync(join(volume, "many"));
    for (let n = 0; n < 3500; n++) writeFileSync(join(volume, "many", `file${n}`), "x");
    expect(await exec("find /volume/many -type f -size -2k 2>&1 | wc -l; rm -r /volume/many")).to.equal("3500\n");
    const files = "for i in $(seq 200); do echo $i >/volume/directory/f$i; done; cat /volume/directory/f* | md5sum";
    expect(await exec(files)).to.equal(await exec("cd /readonly/directory; cat f* | md5sum"));
    await exec("mkdir /volume/deep; chown 12:34 /volume/deep; chmod 2750 /volume/deep; rm -r /volume/directory");
    expect(statSync(join(volume, "deep"))).to.include({ uid: 12, gid: 34, mode: 0o042750 });
    expect(readdirSync(volume).toSorted()).to.deep.equal(["deep", "host"]);
    const sum = await exec("dd if=/dev/urandom of=/volume/big bs=1M count=16 2>/dev/null; md5sum </volume/big");
    const written = createHash("md5").update(readFileSync(join(volume, "big")));
    expect(sum).to.equal(`${written.digest("hex")}  -\n`);
    await suite.containerd.remove(id);
    expect(pod.state()).to.equal(before_);
    rmSync(volume, { recursive: true });
  });

  it("are shared by a virtiofsd when configuration says so", async () => {
    configure("virtio-fs");
    const before_ = pod.state();
    const volume = mkdtempSync(join(suite.containerd.directory, "volume-"));
    writeFileSync(join(volume, "host"), "from the host");
    const id = suite.newId();
    expect((await start(id, mount(volume, "/volume", "rw"))).stderr).to.equal("");
    expect(daemons()).to.not.deep.equal([]);
    expect(await executor(id)("cat /volume/host; echo guest >/volume/guest")).to.equal("from the host");
    expect(readFileSync(join(volume, "guest"), "utf8")).to.equal("guest\n");
    await suite.containerd.remove(id);
    expect(pod.state()).to.equal(before_);
    rmSync(volume, { recursive: true });
  });
});

/** Name of a process; empty for what is none, or has gone. */
function commOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "";
  }
}
