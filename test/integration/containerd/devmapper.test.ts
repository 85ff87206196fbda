import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { busyboxImage } from "../../support/containerd.js";
import { dragonball, type MachineKind, qemu } from "../../support/machine-kinds.js";
import { needsDeviceMapper, ThinPool } from "../../support/thin-pool.js";
import { describeContainerd, podForAll } from "./suite.js";

/** Less than its snapshots have together: they are thin. */
const poolMiB = 96;

const machines: readonly MachineKind[] = [
  { ...qemu, lines: ["[agent.kata]", "reconnect_timeout_ms = 300000", "[hypervisor.qemu]"] },
  dragonball,
];

for (const machine of machines)
  describe(`containerd's devmapper snapshotter, with ${machine.name}`, () => {
    let pool: ThinPool;
    before(async function () {
      needsDeviceMapper(this);
      await machine.needs?.(this);
      pool = new ThinPool(`kata-ts-${process.pid}`, poolMiB);
    });
    after(() => pool?.close());

    const snapshotter = { name: "devmapper", lines: (directory: string) => pool.lines(directory) };
    const configuration = [...machine.lines, "default_memory = 512"];

    describeContainerd(
      "its snapshots are disks of the machine,",
      (suite) => {
        let unused: readonly string[];
        before("look at the devices", () => {
          unused = pool.devices();
        });
        const pod = podForAll(suite);
        let withPod: readonly string[];
        before("look at the devices of the pod", () => {
          withPod = pool.devices();
        });
        afterEach("no container has left a device", () => devicesAre(withPod));
        after("nor has the pod", () => devicesAre(unused));

        /** Waits until they are: containerd removes snapshots of containers that are gone when it comes to it. */
        const devicesAre = async (wanted: readonly string[]): Promise<void> => {
          for (let looks = 0; looks < 300 && pool.devices().join() !== wanted.join(); looks += 1) await sleep(100);
          expect(pool.devices()).to.deep.equal(wanted);
        };

        const start = (id: string, command: string, ...flags: string[]) =>
          suite.containerd.run(id, [...flags, ...pod.flags], ["sh", "-c", command]);
        const exec = (id: string, command: string) =>
          suite.containerd.ctr(["tasks", "exec", "--exec-id", "e", id, "sh", "-c", command]);
        /** The device of a container's snapshot. */
        const deviceOf = async (id: string): Promise<string> => {
          const { stdout } = await suite.containerd.ctr([
            "snapshots",
            "--snapshotter",
            "devmapper",
            "mounts",
            "/m",
            id,
          ]);
          return /\/dev\/mapper\/(\S+)/.exec(stdout)?.[1] ?? "";
        };

        it("one for each container of an image, which writes to its own", async () => {
          const [one, two] = [suite.newId(), suite.newId()];
          const command = "echo $HOSTNAME >/written && sync && exec sleep 100000";
          const started = await Promise.all(
            [one, two].map((id) => start(id, command, "-d", "--env", `HOSTNAME=${id}`)),
          );
          expect(started.map(({ stderr }) => stderr)).to.deep.equal(["", ""]);
          for (const id of [one, two]) {
            const { stdout } = await exec(id, "grep ' / ' /proc/mounts; cat /written");
            expect(stdout).to.match(new RegExp(`^/dev/vd[b-z] / ext4 rw,.*\n${id}\n$`));
          }
          expect(pool.devices()).to.include.members([`${await deviceOf(one)}:1`, `${await deviceOf(two)}:1`]);
          await Promise.all([one, two].map((id) => suite.containerd.remove(id)));
        });

        it("is not written to by a container whose root is read-only", async () => {
          const id = suite.newId();
          const { stdout } = await start(id, "touch /written; echo $?; grep ' / ' /proc/mounts", "--read-only", "--rm");
          expect(stdout).to.match(/^1\n\/dev\/vd[b-z] \/ ext4 ro,/);
        });

        it("that is not there is an error that names it", async () => {
          const id = suite.newId();
          const flags = [...suite.containerd.runtimeFlags, "--snapshotter", "devmapper", ...pod.flags];
          await suite.containerd.ctr(["containers", "create", ...flags, busyboxImage, id, "true"]);
          const device = await deviceOf(id);
          const table = execFileSync("dmsetup", ["table", device], { encoding: "utf8" }).trim();
          execFileSync("dmsetup", ["remove", device]);
          const { stderr } = await suite.containerd.ctr(["tasks", "start", id]);
          expect(stderr)
            .to.include(`the root file system of "${id}" is ext4 on /dev/mapper/${device}`)
            .and.include("ENOENT");
          execFileSync("dmsetup", ["create", device, "--table", table]);
          await suite.containerd.ctr(["containers", "delete", id]);
        });

        it("that breaks fails what is written, and the container goes", async () => {
          const id = suite.newId();
          expect((await start(id, "exec sleep 100000", "-d")).stderr).to.equal("");
          execFileSync("dmsetup", ["wipe_table", await deviceOf(id)]);
          const { status, stdout } = await exec(id, "dd if=/dev/zero of=/written bs=64k count=16 conv=fsync; echo $?");
          expect({ status, stdout }).to.not.deep.equal({ status: 0, stdout: "0\n" });
          await suite.containerd.remove(id);
        });

        it("that the pool has no room for fails what is written, and the container goes", async () => {
          const id = suite.newId();
          expect((await start(id, "exec sleep 100000", "-d")).stderr).to.equal("");
          const drain = pool.fill();
          try {
            const { stdout, stderr } = await exec(
              id,
              "dd if=/dev/zero of=/written bs=64k count=16 conv=fsync; echo $?",
            );
            expect(stdout).to.match(/^[1-9]/);
            expect(stderr).to.match(/error|No space/);
            await suite.containerd.remove(id);
          } finally {
            drain();
          }
        });
      },
      { snapshotter, configuration },
    );
  });
