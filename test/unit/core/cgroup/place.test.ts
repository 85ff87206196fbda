import { expect } from "chai";
import fc from "fast-check";
import { parseCgroupsPath } from "../../../../src/core/cgroup/place.js";
import { KataError } from "../../../../src/core/errors/error.js";

const parse = (written: string) => parseCgroupsPath(written, "linux.cgroupsPath of config.json");

describe("linux.cgroupsPath", () => {
  for (const [written, path] of [
    ["/a/b", ["a", "b"]],
    ["a/b", ["a", "b"]],
    ["//a///b/", ["a", "b"]],
    ["/odd name/group", ["odd name", "group"]],
    ["/k8s.io/a:b:c", ["k8s.io", "a:b:c"]],
    ["/memory/cpu", ["memory", "cpu"]],
    ["system.slice:docker:1f", ["system.slice", "docker-1f.scope"]],
    [":cri-containerd:1f", ["system.slice", "cri-containerd-1f.scope"]],
    ["-.slice:a:b", ["a-b.scope"]],
    ["a.slice::b", ["a.slice", "b.scope"]],
    ["a.slice:x:b.slice", ["a.slice", "b.slice"]],
    [
      "kubepods-burstable-pod1_2.slice:cri-containerd:1f",
      ["kubepods.slice", "kubepods-burstable.slice", "kubepods-burstable-pod1_2.slice", "cri-containerd-1f.scope"],
    ],
  ] as const) {
    it(`${written} is at ${path.join("/")}`, () => expect(parse(written).path).to.deep.equal(path));
  }

  it("knows the unit and the slice of systemd's form, and no other", () => {
    expect(parse("a-b.slice:p:n").systemd).to.deep.equal({ slice: "a-b.slice", unit: "p-n.scope" });
    expect(parse("/a-b.slice/p-n.scope").systemd).to.equal(undefined);
  });

  for (const [written, problem] of [
    ["/a/../../b", '".." is no name'],
    ["..", '".." is no name'],
    ["/./a", '"." is no name'],
    ["/", "it is the root"],
    ["/a\0b", "control character"],
    ["/a\nb/c", "control character"],
    [`/${"n".repeat(256)}`, "longer than 255 bytes"],
    [`/${"é".repeat(128)}`, "longer than 255 bytes"],
    ["/a".repeat(33), "deeper than 32 levels"],
    [`/${"a/".repeat(4000)}`, "longer than 3800 characters"],
    ["/a/cgroup.procs", "the kernel's own files"],
    ["/tasks", "the kernel's own files"],
    ["a:b", "1 colon(s) instead of two"],
    ["a:b:c:d", "3 colon(s) instead of two"],
    ["a:b:c", '"a" is no name of a slice'],
    ["a-.slice:b:c", "a dash with nothing before or after it"],
    ["-a.slice:b:c", "a dash with nothing before or after it"],
    ["a--b.slice:b:c", "a dash with nothing before or after it"],
    [".slice:b:c", "is no name of a slice"],
    ["a.slice:b:", "the unit has no name"],
    ["a.slice:b:c d", "is no name of a unit"],
    ["a.slice:..:c\0", "is no name of a unit"],
  ] as const) {
    it(`${JSON.stringify(written.slice(0, 40))} is refused: ${problem}`, () => {
      expect(() => parse(written))
        .to.throw(KataError)
        .and.satisfy((error: KataError) => {
          expect(error.code).to.equal("KATA_CGROUP_PATH");
          expect(error.message).to.include(problem).and.include("linux.cgroupsPath of config.json");
          return true;
        });
    });
  }

  it("is below the root, whatever it says, or refused", () => {
    const word = fc.oneof(fc.constantFrom("..", ".", "/", ":", "", "a-b.slice", "\0", "-"), fc.string());
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), fc.constantFrom("/", ":", ""), (words, joint) => {
        let names: readonly string[];
        try {
          names = parse(words.join(joint)).path;
        } catch (error) {
          return error instanceof KataError && error.code === "KATA_CGROUP_PATH";
        }
        return names.length > 0 && names.every((name) => !/^\.{0,2}$|\/|\0/.test(name));
      }),
    );
  });
});
