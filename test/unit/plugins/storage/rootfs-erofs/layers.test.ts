import { expect } from "chai";
import fc from "fast-check";
import type { ContainerdMount } from "../../../../../src/core/contracts/rootfs.js";
import { type Layers, LayersError, readLayers } from "../../../../../src/plugins/storage/rootfs-erofs/layers.js";

const mount = (type: string, source: string, options: string[], target = ""): ContainerdMount => ({
  type,
  source,
  target,
  options,
});
const layer = (...options: string[]) => mount("erofs", "/s/layer.erofs", options.length > 0 ? options : ["ro", "loop"]);
const overlay = (...options: string[]) => mount("format/mkdir/overlay", "overlay", options);
const disk = mount("ext4", "/s/rwlayer.img", ["rw", "loop"]);
const onDisk = [
  "X-containerd.mkdir.path={{ mount 0 }}/upper:0755",
  "X-containerd.mkdir.path={{ mount 0 }}/work:0755",
  "workdir={{ mount 0 }}/work",
  "upperdir={{ mount 0 }}/upper",
];
const onHost = ["workdir=/s/work", "upperdir=/s/fs"];

/** What is wrong with which mount. */
function wrong(mounts: readonly ContainerdMount[]): [number, string] {
  try {
    return [-1, JSON.stringify(readLayers(mounts))];
  } catch (error) {
    if (error instanceof LayersError) return [error.mount, error.message];
    throw error;
  }
}

describe("the mounts of containerd's erofs snapshotter", () => {
  it("are read in all the ways it gives them", () => {
    const memory: Layers = { lower: [0, 1], upper: { kind: "memory" }, options: [] };
    expect(readLayers([layer(), layer(), overlay(...onHost, "lowerdir={{ overlay 0 1 }}")])).to.deep.equal(memory);
    expect(readLayers([disk, layer(), overlay(...onDisk, "lowerdir={{ mount 1 }}", "index=off")])).to.deep.equal({
      lower: [1],
      upper: { kind: "disk", mount: 0, upper: "upper", work: "work" },
      options: ["index=off"],
    });
    expect(readLayers([layer(), layer(), overlay("lowerdir={{ overlay 0 1 }}")])).to.deep.equal({
      ...memory,
      upper: { kind: "none" },
    });
    expect(readLayers([layer()])).to.deep.equal({ lower: [0], upper: { kind: "none" }, options: [] });
  });

  it("may name layers one by one, and from the last to the first", () => {
    const lower = (text: string) => readLayers([layer(), layer(), layer(), overlay(`lowerdir=${text}`)]).lower;
    expect(lower("{{ overlay 2 0 }}")).to.deep.equal([2, 1, 0]);
    expect(lower("{{ mount 1 }}:{{mount 0}}:{{ mount 2 }}")).to.deep.equal([1, 0, 2]);
  });

  it("are refused with the mount and the reason", () => {
    const cases: [ContainerdMount[], number, RegExp][] = [
      [[layer(), layer()], 1, /is no overlay/],
      [[layer(), mount("format/bind", "{{ mount 0 }}", ["ro"])], 1, /is no overlay/],
      [[layer("ro", "device=/s/other")], 0, /device=/],
      [[layer("ro", "X-containerd.dmverity=/s/.dmverity")], 0, /dmverity_mode/],
      [[layer("ro", "dax")], 0, /"dax" is not known/],
      [[mount("erofs", "/s/l", [], "/below")], 0, /below another, at \/below/],
      [[layer(), overlay("lowerdir=/host/layer")], 1, /not made of mounts before it/],
      [[layer(), overlay(...onHost)], 1, /lowerdir ""/],
      [[layer(), overlay("lowerdir={{ overlay 0 7 }}")], 1, /mount 1, which is no layer/],
      [[layer(), overlay("lowerdir={{ overlay 0 999 }}")], 1, /no layer/],
      [[layer(), overlay("lowerdir={{ mount 0 }}:{{ mount 0 }}")], 1, /twice/],
      [[layer(), overlay("lowerdir={{ mount 0 }}", "lowerdir={{ mount 0 }}")], 1, /two options lowerdir/],
      [[layer(), overlay("lowerdir={{ mount 0 }}/below")], 1, /not made of mounts/],
      [[layer(), layer(), overlay("lowerdir={{ mount 0 }}")], 1, /does not use it/],
      [[disk, layer(), overlay("lowerdir={{ mount 1 }}", ...onHost)], 0, /does not use it/],
      [[layer(), overlay("lowerdir={{ mount 0 }}", "upperdir=/s/fs")], 1, /not two directories/],
      [[layer(), overlay("lowerdir={{ mount 0 }}", "uidmap=0:1:1")], 1, /"uidmap=0:1:1" is not known/],
      [[layer(), overlay("lowerdir={{ mount 0 }}", "lowerdir+=/etc")], 1, /is not known/],
    ];
    for (const [mounts, index, message] of cases) {
      const [at, why] = wrong(mounts);
      expect(why).to.match(message);
      expect(at, why).to.equal(index);
    }
  });

  it("name directories of a disk by one plain name each", () => {
    const bad = ["", "/", "/..", "/.", "/a/b", "upper", "/a:b", "/a,b", "/a b", "/a\0", "/work"];
    for (const name of bad) {
      const options = [`upperdir={{ mount 0 }}${name}`, "workdir={{ mount 0 }}/work", "lowerdir={{ mount 1 }}"];
      expect(wrong([disk, layer(), overlay(...options)])[1], name).to.include("not two directories");
    }
  });

  it("lead to known layers or to an error, whatever they say", () => {
    const word = fc.oneof(
      fc.constantFrom("ro", "loop", ...onDisk, ...onHost, "lowerdir={{ overlay 0 1 }}", "lowerdir={{ mount 0 }}"),
      fc.string(),
      fc.string().map((text) => `lowerdir=${text}`),
    );
    const any = fc.record({
      type: fc.constantFrom("erofs", "ext4", "format/mkdir/overlay", "overlay", ""),
      source: fc.string(),
      target: fc.constantFrom("", "x"),
      options: fc.array(word, { maxLength: 5 }),
    });
    fc.assert(
      fc.property(fc.array(any, { minLength: 1, maxLength: 5 }), (mounts) => {
        if (!mounts.some(({ type }) => type === "erofs")) return;
        try {
          const { lower, options } = readLayers(mounts);
          expect(lower.length).to.be.above(0);
          for (const one of lower) expect(mounts[one]?.type).to.equal("erofs");
          expect(options.join("")).to.not.match(/[/,:]/);
        } catch (error) {
          expect(error).to.be.instanceOf(LayersError);
        }
      }),
    );
  });
});
