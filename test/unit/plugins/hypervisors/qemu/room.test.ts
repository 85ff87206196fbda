import { expect } from "chai";
import { memoryBlockMiB, roomFor, roomParameters } from "../../../../../src/plugins/hypervisors/qemu/room.js";

const keys = { default_maxvcpus: 4, default_maxmemory: 4096, memory_slots: 10, enable_virtio_mem: false };
const spec = { vcpus: 1, memoryMiB: 256 };
const q35 = { machineType: "q35", by: "kvm" } as const;

describe("what QEMU sets aside for a machine to grow into", () => {
  it("is what configuration allows", () => {
    expect(roomFor(keys, spec, q35)).to.deep.equal({ vcpus: 4, memoryMiB: 4096, slots: 10, blockMiB: 128 });
    const virtioMem = { ...keys, enable_virtio_mem: true, memory_slots: 0 };
    expect(roomFor(virtioMem, spec, q35)).to.include({ memoryMiB: 4096, slots: 0 });
  });

  it("is whole blocks of memory, and none without slots", () => {
    expect(roomFor({ ...keys, default_maxmemory: 900 }, spec, q35)).to.include({ memoryMiB: 896, slots: 10 });
    expect(roomFor({ ...keys, default_maxmemory: 300 }, spec, q35)).to.include({ memoryMiB: 256, slots: 0 });
    expect(roomFor({ ...keys, memory_slots: 0 }, spec, q35)).to.include({ memoryMiB: 256, slots: 0 });
    expect(roomFor({ ...keys, default_maxmemory: 64 }, spec, q35)).to.include({ memoryMiB: 256 });
  });

  it("is no less than it starts with, and no more than machines have", () => {
    expect(roomFor(keys, { vcpus: 8, memoryMiB: 256 }, q35)?.vcpus).to.equal(8);
    expect(roomFor({ ...keys, default_maxvcpus: 256 }, spec, q35)?.vcpus).to.equal(240);
    const much = { ...keys, default_maxmemory: 2 ** 22 };
    expect(roomFor(much, spec, { ...q35, by: "tcg" })?.memoryMiB).to.equal(2 ** 19);
    expect(roomFor(much, spec, q35)?.memoryMiB).to.equal(2 ** 22);
  });

  it("is nothing for a machine that stays as it is", () => {
    expect(roomFor(keys, { ...spec, fixedSize: true }, q35)).to.equal(undefined);
    expect(roomFor(keys, spec, { ...q35, machineType: "microvm" })).to.equal(undefined);
  });

  it("comes in blocks as large as the guest's kernel makes them", () => {
    for (const [memory, block] of [
      [256, 128],
      [65_535, 128],
      [65_536, 2048],
      [65_536 + 1024, 1024],
      [65_536 + 128, 128],
      [65_536 + 2, 128],
    ] as const) {
      expect(memoryBlockMiB(memory), String(memory)).to.equal(block);
    }
  });

  it("is told to the guest's kernel, when there is memory to come", () => {
    const room = { vcpus: 4, memoryMiB: 8192, slots: 10, blockMiB: 128 };
    const online = ["memhp_default_state=online", "memory_hotplug.online_policy=auto-movable"];
    expect(roomParameters(room, 256)).to.deep.equal([...online, "swiotlb=2048"]);
    expect(roomParameters(room, 4096)).to.deep.equal(online);
    expect(roomParameters(room, 8192)).to.deep.equal([]);
    expect(roomParameters(undefined, 256)).to.deep.equal([]);
  });
});
