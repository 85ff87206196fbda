import { expect } from "chai";
import { config as schema } from "../../../../../src/plugins/hypervisors/dragonball/config.js";
import { diskQueues, podDisk } from "../../../../../src/plugins/hypervisors/dragonball/disk-settings.js";
import { makePlace, removePlaces, type Settings } from "../../../../support/machine-place.js";
import { failureOf } from "../qemu/machine.js";

describe("the disks of a machine in this process", () => {
  after(removePlaces);

  const settingsOf = async (settings: Settings) => (await makePlace("dragonball", schema, settings)).settings;

  it("have the queues of the configuration, and no limits unless it has some", async () => {
    const settings = await settingsOf({ num_queues: 3, queue_size: 64 });
    expect(diskQueues(settings)).to.deep.equal({ queues: 3, queueSize: 64 });
    expect(podDisk(settings)).to.deep.equal({ queues: 3, queueSize: 64 });
  });

  it("are bounded in bytes, which the configuration has in bits, and in operations", async () => {
    expect(podDisk(await settingsOf({ disk_rate_limiter_bw_max_rate: 8000 })).limits).to.deep.equal({
      bytes: { perSecond: 1000, burst: 0 },
    });
    const all = {
      disk_rate_limiter_bw_max_rate: 8000,
      disk_rate_limiter_bw_one_time_burst: 80,
      disk_rate_limiter_ops_max_rate: 20,
      disk_rate_limiter_ops_one_time_burst: 5,
    };
    expect(podDisk(await settingsOf(all)).limits).to.deep.equal({
      bytes: { perSecond: 1000, burst: 10 },
      operations: { perSecond: 20, burst: 5 },
    });
  });

  it("have no queues that are too short for a request", async () => {
    expect(String(await failureOf(settingsOf({ queue_size: 2 }))))
      .to.include("queue_size")
      .and.include("4 or more");
  });

  it("are cached, and look, as configuration says", async () => {
    const sectors = { block_device_logical_sector_size: 4096, block_device_physical_sector_size: 8192 };
    const noFlush = { block_device_cache_noflush: true };
    expect(await settingsOf({ ...sectors, ...noFlush, block_device_cache_direct: true }).then(podDisk)).to.include({
      direct: true,
      logicalSector: 4096,
      physicalSector: 8192,
    });
    expect(podDisk(await settingsOf(noFlush))).to.not.have.property("ignoreFlushes");
    expect(podDisk(await settingsOf({ ...noFlush, block_device_cache_set: true }))).to.include({ ignoreFlushes: true });
  });

  it("are of no kind that this machine does not have, unless there shall be none", async () => {
    const settings = { block_device_driver: "virtio-pmem" };
    expect(String(await failureOf(settingsOf(settings)))).to.include(
      'is "virtio-pmem"; this machine has no such device',
    );
    expect(await settingsOf({ ...settings, disable_block_device_use: true })).to.include(settings);
  });

  const refused = {
    block_device_driver: ["virtio-scsi", /is "virtio-scsi"; .* take "virtio-blk-mmio"/],
    block_device_aio: ["native", /is "native"; this machine reads and writes disks by "threads"/],
    enable_iothreads: [true, /one thread, which is always there/],
    indep_iothreads: [2, /one thread, which is always there/],
    enable_vhost_user_store: [true, /not supported yet/],
  } as const;
  for (const [key, [value, words]] of Object.entries(refused)) {
    it(`refuse ${key}, which this machine does not have`, async () => {
      expect(String(await failureOf(settingsOf({ [key]: value })))).to.match(words);
    });
  }
});
