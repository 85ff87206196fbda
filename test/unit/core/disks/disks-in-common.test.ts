import { linkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { Disk, DiskRequest, Disks } from "../../../../src/core/contracts/disks.js";
import { DisksInCommon } from "../../../../src/core/disks/disks-in-common.js";
import { FakeDisks } from "../../../../src/testing/fake-disks.js";
import { rejected, temporaryDirectory } from "../sys/fixture.js";

describe("disks that containers have in common", () => {
  const directory = temporaryDirectory();
  let plugged: FakeDisks;
  let disks: DisksInCommon;

  beforeEach(() => {
    plugged = new FakeDisks();
    disks = new DisksInCommon(plugged);
  });

  const file = (name: string): string => {
    writeFileSync(join(directory.path, name), "");
    return join(directory.path, name);
  };
  const request = (path: string, readOnly = false): DiskRequest => ({ purpose: `the disk of ${path}`, path, readOnly });

  it("are in the machine once, whatever they are called, until the last lets go", async () => {
    const one = file("one");
    linkSync(one, join(directory.path, "same"));
    const all = await Promise.all([
      disks.add(request(one)),
      disks.add(request(join(directory.path, "same"))),
      disks.add(request(file("two"))),
    ]);
    expect(plugged.added.map(({ path }) => path)).to.deep.equal([one, join(directory.path, "two")]);
    const [first, second, third] = all;
    await Promise.all([first?.release(), first?.release(), third?.release()]);
    expect(plugged.released).to.equal(1);
    await second?.release();
    expect(plugged.released).to.equal(2);
  });

  it("are plugged again after they were taken out, never meanwhile", async () => {
    const one = file("one");
    let takenOut = (): void => undefined;
    const events: string[] = [];
    const slow: Disks = {
      add: async (): Promise<Disk> => {
        events.push("add");
        const disk = await new FakeDisks().add(request(one));
        const leaving = new Promise<void>((resolve) => (takenOut = resolve));
        return { ...disk, release: () => leaving.then(() => void events.push("out")) };
      },
    };
    const common = new DisksInCommon(slow);
    const first = await common.add(request(one));
    const releasing = first.release();
    const again = common.add(request(one));
    await new Promise((resolve) => setImmediate(resolve));
    expect(events).to.deep.equal(["add"]);
    takenOut();
    await releasing;
    await again;
    expect(events).to.deep.equal(["add", "out", "add"]);
  });

  it("are not read-only and for writing at once", async () => {
    const one = file("one");
    const held = await disks.add(request(one));
    const error: unknown = await disks.add(request(one, true)).catch((reason: unknown) => reason);
    expect(error).to.have.property("code", "KATA_DISK_CONFLICT");
    expect(error)
      .to.have.property("message")
      .that.includes("for writing, for the disk of")
      .and.includes("read-only too");
    await held.release();
    await disks.add(request(one, true));
  });

  it("are free again when one could not be plugged", async () => {
    const one = file("one");
    let failing = true;
    const flaky: Disks = {
      add: (wanted) => (failing ? Promise.reject(new Error("no room")) : plugged.add(wanted)),
    };
    const common = new DisksInCommon(flaky);
    const tries = [common.add(request(one)), common.add(request(one))];
    expect((await Promise.allSettled(tries)).map(({ status }) => status)).to.deep.equal(["rejected", "rejected"]);
    failing = false;
    expect(await rejected(() => common.add(request(one, true)))).to.equal("nothing");
  });
});
