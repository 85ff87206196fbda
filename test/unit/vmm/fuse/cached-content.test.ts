import { appendFileSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { OpenFlag } from "../../../../src/core/sys/open-flags.js";
import { openReply } from "../../../../src/vmm/fuse/protocol.js";
import { FuseClient } from "../../../support/vmm/fuse-client.js";

describe("what a guest has cached of a shared file", () => {
  const now = Date.now;
  let client: FuseClient;
  let file: string;

  beforeEach(async () => {
    client = await FuseClient.open({ cache: "auto" });
    file = join(client.directory, "file");
    writeFileSync(file, "first");
  });
  afterEach(() => {
    Date.now = now;
    client.close();
  });

  /** As if the last change were long ago. */
  const later = (): void => {
    Date.now = () => now() + 10_000;
  };

  const keeps = async (flags: number = OpenFlag.read): Promise<boolean> => {
    const { status, flags: reply } = await client.open(await client.walk("file"), flags);
    expect(status).to.equal("ok");
    return (reply & openReply.keepCache) !== 0;
  };

  it("is kept by an open that finds the file as the last one did", async () => {
    later();
    expect(await keeps()).to.equal(false);
    expect(await keeps()).to.equal(true);
    expect(await keeps(OpenFlag.readWrite)).to.equal(true);
  });

  it("is dropped once when the host has changed the file", async () => {
    const changes = [
      () => appendFileSync(file, "more"),
      () => truncateSync(file, 2),
      () => writeFileSync(file, "other"),
      () => utimesSync(file, 1, 1),
    ];
    later();
    await keeps();
    for (const change of changes) {
      change();
      expect(await keeps()).to.equal(false);
      expect(await keeps()).to.equal(true);
    }
  });

  it("is dropped by an open that empties the file", async () => {
    later();
    await keeps();
    expect(await keeps(OpenFlag.readWrite | OpenFlag.truncate)).to.equal(false);
  });

  it("is not trusted as long as a change could bear the same time", async () => {
    expect(await keeps()).to.equal(false);
    expect(await keeps()).to.equal(false);
    later();
    expect(await keeps()).to.equal(false);
    expect(await keeps()).to.equal(true);
  });
});
