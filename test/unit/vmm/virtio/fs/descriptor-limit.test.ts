import { expect } from "chai";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import type { ResourceLimit } from "../../../../../src/core/sys/processes.js";
import { SysError } from "../../../../../src/core/sys/sys-error.js";
import { raiseDescriptorLimit } from "../../../../../src/vmm/virtio/fs/descriptor-limit.js";

describe("the descriptors for a shared directory", () => {
  /** What it comes to for a process with such limits; `mayRaise` when that has CAP_SYS_RESOURCE. */
  function raised(limit: ResourceLimit, { most, mayRaise }: { most: number; mayRaise: boolean }) {
    let now = limit;
    const processes = {
      resourceLimit: () => now,
      setResourceLimit: (_kind: string, next: ResourceLimit) => {
        if (next.hard > now.hard && !mayRaise) throw new SysError("prlimit", [], 1, "EPERM");
        now = next;
      },
    };
    return { answer: raiseDescriptorLimit(processes, 1000, () => most), now };
  }

  it("are as many as are wanted, where that may be", () => {
    const few = { soft: 10, hard: 40 };
    expect(raised(few, { most: 5000, mayRaise: true })).to.deep.equal({
      answer: 1000,
      now: { soft: 1000, hard: 1000 },
    });
    expect(raised(few, { most: 300, mayRaise: true })).to.deep.equal({ answer: 300, now: { soft: 300, hard: 300 } });
  });

  it("are those of the hard limit for whoever may not raise it", () => {
    const few = { soft: 10, hard: 40 };
    expect(raised(few, { most: 5000, mayRaise: false })).to.deep.equal({ answer: 40, now: { soft: 40, hard: 40 } });
    const ample = { soft: 10, hard: 4000 };
    expect(raised(ample, { most: 5000, mayRaise: false })).to.deep.equal({
      answer: 1000,
      now: { soft: 1000, hard: 4000 },
    });
  });

  it("stay as they are where there are enough, and are never fewer", () => {
    const enough = { soft: 2000, hard: 2000 };
    expect(raised(enough, { most: 500, mayRaise: true })).to.deep.equal({ answer: 2000, now: enough });
    const odd = { soft: 800, hard: 800 };
    expect(raised(odd, { most: 500, mayRaise: true }).answer).to.equal(800);
  });

  it("are this process's own", () => {
    const { processes } = createLinuxSys();
    const { soft } = processes.resourceLimit("NOFILE");
    expect(raiseDescriptorLimit(processes, soft)).to.equal(soft);
  });
});
