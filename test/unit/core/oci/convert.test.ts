import { expect } from "chai";
import * as fc from "fast-check";
import { KataError } from "../../../../src/core/errors/error.js";
import { specFromGrpc, specToGrpc } from "../../../../src/core/oci/convert.js";
import { processFromGrpc, processToGrpc } from "../../../../src/core/oci/convert-process.js";
import { resourcesFromGrpc, resourcesToGrpc } from "../../../../src/core/oci/convert-resources.js";
import type { OciSpec } from "../../../../src/core/oci/spec.js";
import { LinuxResources, Process, Spec } from "../../../../src/core/proto/gen/kata/oci.js";
import { arbitraryProcess, arbitraryResources, arbitrarySpec } from "./arbitrary-spec.js";

const wrong = (change: Record<string, unknown>): OciSpec => ({ ociVersion: "1.0.2", ...change });

function refusal(spec: OciSpec): string {
  try {
    specToGrpc(spec);
  } catch (error) {
    expect(error).to.be.instanceOf(KataError);
    expect(error).to.include({ code: "KATA_OCI_FIELD", status: "INVALID_ARGUMENT" });
    return (error as Error).message;
  }
  throw new Error("nothing was refused");
}

describe("OCI specification to the agent's protocol and back", () => {
  it("is the same after a trip over the wire", () => {
    fc.assert(
      fc.property(arbitrarySpec, (spec) => {
        const wire = Spec.encode(specToGrpc(spec)).finish();
        expect(specFromGrpc(Spec.decode(wire))).to.deep.equal(spec);
      }),
    );
  });

  it("keeps a process alone", () => {
    fc.assert(
      fc.property(arbitraryProcess, (process) => {
        const wire = Process.encode(processToGrpc(process)).finish();
        expect(processFromGrpc(Process.decode(wire))).to.deep.equal(process);
      }),
    );
  });

  it("keeps resources alone", () => {
    fc.assert(
      fc.property(arbitraryResources, (resources) => {
        const wire = LinuxResources.encode(resourcesToGrpc(resources)).finish();
        expect(resourcesFromGrpc(LinuxResources.decode(wire))).to.deep.equal(resources);
      }),
    );
  });

  it("never throws anything but its own error, whatever config.json holds", () => {
    fc.assert(
      fc.property(
        fc.object({ maxDepth: 5, key: fc.constantFrom("process", "linux", "mounts", "user", "hooks") }),
        (junk) => {
          try {
            specToGrpc(junk as unknown as OciSpec);
          } catch (error) {
            expect(error).to.be.instanceOf(KataError);
          }
        },
      ),
    );
  });

  it("takes the largest 64-bit numbers although JSON rounds them up", () => {
    const parsed = JSON.parse('{"type":"RLIMIT_NOFILE","hard":18446744073709551615,"soft":18446744073709551615}');
    const process = processToGrpc({ user: { uid: 0, gid: 0 }, cwd: "/", rlimits: [parsed] });
    expect(process.Rlimits[0]).to.deep.equal({ Type: "RLIMIT_NOFILE", Hard: 2n ** 64n - 1n, Soft: 2n ** 64n - 1n });
    expect(resourcesToGrpc({ memory: { limit: 2 ** 63 } }).Memory?.Limit).to.equal(2n ** 63n - 1n);
  });

  it("reads a limit no machine can reach as no limit", () => {
    const resources = LinuxResources.fromPartial({ Memory: { Limit: 2n ** 63n - 4096n } });
    expect(resourcesFromGrpc(resources)).to.deep.equal({ memory: { limit: -1 } });
  });

  it("keeps apart a device rule for number 0 and one for any number", () => {
    const rules = resourcesToGrpc({ devices: [{ allow: false }, { allow: true, type: "b", major: 8, minor: 0 }] });
    expect(rules.Devices.map((rule) => [rule.Major, rule.Minor])).to.deep.equal([
      [-1n, -1n],
      [8n, 0n],
    ]);
  });

  describe("names the field", () => {
    const cases: [string, Record<string, unknown>, string][] = [
      ["of a wrong type", { process: "sh" }, 'process of the container\'s specification is "sh", not an object'],
      ["inside a list", { mounts: [{ destination: "/a" }, { destination: 3 }] }, "mounts[1].destination"],
      ["of a number too large", { process: { user: { uid: 2 ** 32, gid: 0 }, cwd: "/" } }, "process.user.uid"],
      ["of a negative id", { process: { user: { uid: 0, gid: -1 }, cwd: "/" } }, "process.user.gid"],
      ["of a fraction", { linux: { resources: { memory: { limit: 1.5 } } } }, "linux.resources.memory.limit"],
      ["of a string with NUL", { root: { path: "/a\0b" } }, "root.path"],
      ["of a name that gets lost", { annotations: JSON.parse('{"__proto__":"x"}') }, "annotations"],
      ["of an unknown shape", { linux: { seccomp: { syscalls: {} } } }, "linux.seccomp.syscalls"],
    ];
    for (const [what, change, expected] of cases) {
      it(what, () => expect(refusal(wrong(change))).to.contain(expected));
    }

    it("and cuts a long value", () => expect(refusal(wrong({ root: "x".repeat(10_000) }))).to.have.length.below(200));
  });
});
