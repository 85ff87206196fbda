import { expect } from "chai";
import fc from "fast-check";
import { matchesGlob } from "../../../../src/core/config/glob.js";
import {
  isGuardedKernelParam,
  kernelParamName,
  replaceKernelParams,
  splitKernelParams,
} from "../../../../src/core/config/kernel-params.js";
import { parseMebibytes } from "../../../../src/core/config/memory-size.js";
import { editDistance, nearest } from "../../../../src/core/config/nearest.js";

describe("path patterns", () => {
  it("match as glob(3) has it", () => {
    const yes: [string, string][] = [
      ["/usr/bin/qemu", "/usr/bin/qemu"],
      ["/usr/bin/qemu-*", "/usr/bin/qemu-system-x86_64"],
      ["/usr/*/qemu", "/usr/bin/qemu"],
      ["/opt/**", "/opt/kata/bin/qemu"],
      ["/opt/**/qemu", "/opt/kata/bin/qemu"],
      ["/bin/?emu", "/bin/qemu"],
      ["/bin/[a-q]emu", "/bin/qemu"],
      ["/bin/[!a-p]emu", "/bin/qemu"],
      ["/a.b", "/a.b"],
      ["", ""],
    ];
    const no: [string, string][] = [
      ["/usr/bin/qemu", "/usr/bin/qemu2"],
      ["/usr/bin/*", "/usr/bin/a/b"],
      ["/usr/*/qemu", "/usr/a/b/qemu"],
      ["/bin/?emu", "/bin//emu"],
      ["/a[!b]c", "/a/c"],
      ["/bin/[!a-q]emu", "/bin/qemu"],
      ["/a.b", "/aXb"],
      ["/bin/[z-a]", "/bin/m"],
      ["/bin/[abc", "/bin/a"],
      ["bin/qemu", "/bin/qemu"],
      ["/x", "/x\n/y"],
    ];
    for (const [pattern, path] of yes) expect(matchesGlob(pattern, path), `${pattern} ${path}`).to.equal(true);
    for (const [pattern, path] of no) expect(matchesGlob(pattern, path), `${pattern} ${path}`).to.equal(false);
  });

  it("without special characters match themselves only", () => {
    const text = fc.string().filter((s) => !/[*?[]/.test(s));
    fc.assert(fc.property(text, text, (a, b) => matchesGlob(a, b) === (a === b)));
    fc.assert(fc.property(text, (a) => matchesGlob(a, a)));
  });
});

describe("kernel parameters", () => {
  it("are split as the kernel does", () => {
    expect(splitKernelParams(' a=1  b="x y" "c=d e"\tf')).to.deep.equal(["a=1", 'b="x y"', '"c=d e"', "f"]);
    expect(splitKernelParams("")).to.deep.equal([]);
  });

  it("replace those of the same name, with - and _ the same, and stay before what is for init", () => {
    expect(replaceKernelParams("a=1 my-b=2 quiet my_b=3 c", ["my_b=4", "quiet=1"])).to.equal("a=1 c my_b=4 quiet=1");
    expect(replaceKernelParams("a -- for init", ["b"])).to.equal("a b -- for init");
    expect(replaceKernelParams('a="x y"', ["b"])).to.equal('a="x y" b');
  });

  it("that choose init, root or speak to the agent are guarded", () => {
    for (const param of ["init=/bin/sh", "rdinit=x", "root=/dev/vdb", "rw", "agent.log=debug", "dm-mod.create=x"]) {
      expect(isGuardedKernelParam(param), param).to.equal(true);
    }
    for (const param of ["sysctl.kernel.core_pattern=|/x", "systemd.unit=x", "rd.break", "kata.x", "initrd=1"]) {
      expect(isGuardedKernelParam(param), param).to.equal(true);
    }
    for (const param of ["quiet", "console=ttyS0", "nr_cpus=1", "initcall_debug", "rootless", "agents=1"]) {
      expect(isGuardedKernelParam(param), param).to.equal(false);
    }
  });

  it("that are added are all there, and nothing else of their names", () => {
    const param = fc.stringMatching(/^[a-c_-]{1,3}(?:=[a-z0-9]{0,3})?$/).filter((text) => text !== "--");
    fc.assert(
      fc.property(fc.array(param), fc.array(param), (current, added) => {
        const result = splitKernelParams(replaceKernelParams(current.join(" "), added));
        expect(result.slice(result.length - added.length)).to.deep.equal(added);
        const names = new Set(added.map(kernelParamName));
        const kept = result.slice(0, result.length - added.length);
        expect(kept).to.deep.equal(current.filter((one) => !names.has(kernelParamName(one))));
      }),
    );
  });
});

describe("memory sizes", () => {
  it("are MiB without a unit, and by 1000 or 1024 with one", () => {
    const sizes: Record<string, number | undefined> = {
      "2048": 2048,
      " 64 ": 64,
      "2GiB": 2048,
      "2gi": 2048,
      "512Mi": 512,
      "512MiB": 512,
      "1.5GiB": 1536,
      "1g": 953,
      "1GB": 953,
      "1048576b": 1,
      "1 TiB": 1048576,
      "": undefined,
      "-1": undefined,
      "1.5": undefined,
      "1e3": undefined,
      "0x10": undefined,
      "2XB": undefined,
      "1bb": undefined,
      "999999999999999TiB": undefined,
      "1 2": undefined,
    };
    for (const [text, expected] of Object.entries(sizes)) expect(parseMebibytes(text), text).to.equal(expected);
  });

  it("are whole and not negative, whatever the text", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const size = parseMebibytes(text);
        expect(size === undefined || (Number.isSafeInteger(size) && size >= 0)).to.equal(true);
      }),
    );
  });
});

describe("the nearest name", () => {
  it("counts inserts, deletes, replacements and swaps as one", () => {
    expect(editDistance("kernel", "kernel")).to.equal(0);
    expect(editDistance("kernal", "kernel")).to.equal(1);
    expect(editDistance("kenrel", "kernel")).to.equal(1);
    expect(editDistance("kernl", "kernel")).to.equal(1);
    expect(editDistance("", "abc")).to.equal(3);
  });

  it("is a metric's distance: symmetric, and zero only for equals", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        expect(editDistance(a, b)).to.equal(editDistance(b, a));
        expect(editDistance(a, b) === 0).to.equal(a === b);
        expect(editDistance(a, b)).to.be.at.most(Math.max(a.length, b.length));
      }),
    );
  });

  it("is the one with least edits, and none when all are far", () => {
    expect(nearest("default_memry", ["default_memory", "default_vcpus"])).to.equal("default_memory");
    expect(nearest("xyz", ["kernel", "image"])).to.equal(undefined);
    expect(nearest("x".repeat(10_000), ["kernel"])).to.equal(undefined);
  });
});
