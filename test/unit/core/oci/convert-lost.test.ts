import { expect } from "chai";
import * as fc from "fast-check";
import { lostProcessFields, lostResourceFields, lostSpecFields } from "../../../../src/core/oci/convert-lost.js";
import { arbitraryProcess, arbitraryResources, arbitrarySpec } from "./arbitrary-spec.js";

describe("fields the agent's protocol has no place for", () => {
  it("are none of those that survive the trip", () => {
    fc.assert(
      fc.property(arbitrarySpec, (spec) => {
        expect(lostSpecFields(spec)).to.deep.equal([]);
      }),
    );
    fc.assert(
      fc.property(arbitraryProcess, (process) => {
        expect(lostProcessFields(process)).to.deep.equal([]);
      }),
    );
    fc.assert(
      fc.property(arbitraryResources, (resources) => {
        expect(lostResourceFields(resources)).to.deep.equal([]);
      }),
    );
  });

  it("are named by their path, once", () => {
    const spec = {
      ociVersion: "1.1.0",
      domainname: "example.org",
      process: { user: { uid: 0, gid: 0, umask: 18 }, cwd: "/", scheduler: { policy: "SCHED_FIFO" } },
      mounts: [
        { destination: "/a", uidMappings: [{ containerID: 0, hostID: 1, size: 1 }] },
        { destination: "/b", uidMappings: [{ containerID: 0, hostID: 1, size: 1 }] },
      ],
      linux: { resources: { unified: { "memory.high": "1M" } }, seccomp: { defaultAction: "x", defaultErrnoRet: 38 } },
    };
    expect(lostSpecFields(spec)).to.have.members([
      "domainname",
      "process.user.umask",
      "process.scheduler",
      "mounts.uidMappings",
      "linux.resources.unified",
      "linux.seccomp.defaultErrnoRet",
    ]);
  });

  it("do not include one that says nothing", () => {
    expect(lostResourceFields({ unified: {}, cpu: {}, rdma: {} })).to.deep.equal([]);
    expect(lostProcessFields({ user: { uid: 0, gid: 0 }, cwd: "/", commandLine: "" })).to.deep.equal([]);
  });

  it("are not fooled by a field named like one of every object's own", () => {
    const spec = JSON.parse('{"ociVersion":"1.0.2","constructor":{"a":1},"linux":{"toString":1}}');
    expect(lostSpecFields(spec)).to.deep.equal(["constructor", "linux.toString"]);
  });
});
