import { expect } from "chai";
import { copyRefusal, pluggableMemory } from "../../../../../src/plugins/hypervisors/dragonball/copy-refusal.js";

describe("what keeps a machine from being a copy of another", () => {
  const keys = {
    enable_virtio_mem: false,
    default_maxmemory: 4096,
    reclaim_guest_freed_memory: false,
    shared_fs: "inline-virtio-fs",
  };
  const refusal = (changes: Partial<typeof keys> = {}, { memoryMiB = 512, served = false } = {}) =>
    copyRefusal({ ...keys, ...changes }, { memoryMiB, served });

  it("is nothing of the defaults", () => {
    expect(refusal()).to.equal(undefined);
    expect(refusal({ shared_fs: "none" })).to.equal(undefined);
  });

  it("is each key that gives memory back or adds some, and is named with what to do", () => {
    expect(refusal({ reclaim_guest_freed_memory: true })).to.match(
      /^reclaim_guest_freed_memory is true, .*set it to false$/,
    );
    expect(refusal({ enable_virtio_mem: true })).to.match(
      /^enable_virtio_mem is true, with 3584 MiB .*set it to false$/,
    );
  });

  it("is memory to plug only where there is some", () => {
    expect(refusal({ enable_virtio_mem: true }, { memoryMiB: 4096 })).to.equal(undefined);
    expect(refusal({ enable_virtio_mem: true }, { memoryMiB: 8192 })).to.equal(undefined);
    expect(pluggableMemory({ enable_virtio_mem: true, default_maxmemory: 4096 }, { memoryMiB: 1024 })).to.equal(3072);
    const fixed = { memoryMiB: 1024, fixedSize: true };
    expect(pluggableMemory({ enable_virtio_mem: true, default_maxmemory: 4096 }, fixed)).to.equal(0);
    expect(pluggableMemory({ enable_virtio_mem: false, default_maxmemory: 4096 }, { memoryMiB: 1024 })).to.equal(0);
  });

  it("is a daemon that would need its memory, by its key or because there is one", () => {
    expect(refusal({ shared_fs: "virtio-fs" }))
      .to.include("virtiofsd")
      .and.include("inline-virtio-fs");
    expect(refusal({}, { served: true })).to.include("virtiofsd");
  });
});
