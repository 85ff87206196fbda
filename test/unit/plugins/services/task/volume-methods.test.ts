import { expect } from "chai";
import { KataError } from "../../../../../src/core/errors/error.js";
import { resizeVolume, volumeStats } from "../../../../../src/core/messages/volume.js";
import { VolumesDefinition } from "../../../../../src/core/proto/gen/kata-ts/volumes.js";
import { createClient } from "../../../../../src/core/rpc/client.js";
import { TaskHarness } from "./task-harness.js";

describe("what is asked of a shim's volumes", () => {
  let harness: TaskHarness;
  const client = () => createClient(VolumesDefinition, harness.connection);
  beforeEach(async () => {
    harness = await TaskHarness.start();
  });
  afterEach(() => harness.stop());
  const statusOf = async (call: Promise<unknown>): Promise<string> =>
    call.then(
      () => "answered",
      (error: unknown) => (error instanceof KataError ? error.status : String(error)),
    );

  it("is sent as messages, and answered", async () => {
    harness.answer(volumeStats, { json: "{}" });
    harness.answer(resizeVolume, undefined);
    expect(await client().stats({ source: "/v" })).to.deep.equal({ json: "{}" });
    await client().resize({ source: "/v", bytes: 4096n });
    expect(harness.received.map(({ payload }) => payload)).to.deep.equal([
      { source: "/v" },
      { source: "/v", bytes: 4096 },
    ]);
  });

  it("is unknown before there is any container, and refused as the handler does", async () => {
    expect(await statusOf(client().stats({ source: "/v" }))).to.equal("NOT_FOUND");
    harness.answer(resizeVolume, new KataError("KATA_TEST", "FAILED_PRECONDITION", "too small"));
    expect(await statusOf(client().resize({ source: "/v", bytes: 1n }))).to.equal("FAILED_PRECONDITION");
  });
});
