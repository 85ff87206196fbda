import { expect } from "chai";
import { config as schema } from "../../../../../src/plugins/hypervisors/dragonball/config.js";
import { diskLimits, diskQueues } from "../../../../../src/plugins/hypervisors/dragonball/disk-settings.js";
import { makePlace, removePlaces, type Settings } from "../../../../support/machine-place.js";
import { failureOf } from "../qemu/machine.js";

describe("the disks of a machine in this process", () => {
  after(removePlaces);

  const settingsOf = async (settings: Settings) => (await makePlace("dragonball", schema, settings)).settings;

  it("have the queues of the configuration, and no limits unless it has some", async () => {
    const settings = await settingsOf({ num_queues: 3, queue_size: 64 });
    expect(diskQueues(settings)).to.deep.equal({ queues: 3, queueSize: 64 });
    expect(diskLimits(settings)).to.deep.equal({});
  });

  it("are bounded in bytes, which the configuration has in bits, and in operations", async () => {
    expect(diskLimits(await settingsOf({ disk_rate_limiter_bw_max_rate: 8000 }))).to.deep.equal({
      limits: { bytes: { perSecond: 1000, burst: 0 } },
    });
    const all = {
      disk_rate_limiter_bw_max_rate: 8000,
      disk_rate_limiter_bw_one_time_burst: 80,
      disk_rate_limiter_ops_max_rate: 20,
      disk_rate_limiter_ops_one_time_burst: 5,
    };
    expect(diskLimits(await settingsOf(all))).to.deep.equal({
      limits: { bytes: { perSecond: 1000, burst: 10 }, operations: { perSecond: 20, burst: 5 } },
    });
  });

  it("have no queues that are too short for a request", async () => {
    expect(String(await failureOf(settingsOf({ queue_size: 2 }))))
      .to.include("queue_size")
      .and.include("4 or more");
  });
});
