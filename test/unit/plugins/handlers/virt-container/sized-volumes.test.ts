import { expect } from "chai";
import type { SizedVolume } from "../../../../../src/core/contracts/volume.js";
import { createTask, deleteTask, killTask, waitTask } from "../../../../../src/core/messages/task.js";
import { resizeVolume, volumeStats } from "../../../../../src/core/messages/volume.js";
import { codeOf, KataError } from "../../../../../src/core/errors/error.js";
import { Bench, failure, main, pod } from "./bench.js";

const source = "/var/lib/volume";

describe("volumes whose size somebody outside manages", () => {
  let bench: Bench;
  let calls: unknown[];
  let refusal: Error | undefined;
  const sized: SizedVolume = {
    source,
    guestPath: "/guest/volume",
    async grow(bytes) {
      if (refusal !== undefined) throw refusal;
      calls.push(["grow", bytes]);
    },
  };
  beforeEach(async () => {
    [calls, refusal] = [[], undefined];
    bench = await Bench.open();
    bench.prepareVolume = (mount) => (mount.source === source ? { sized } : {});
    bench.prepareAgent = (agent) => {
      agent.capabilities.volume = {
        stats: async (path) => `{"of":"${path}"}`,
        resize: async (path, bytes) => void calls.push([path, bytes]),
      };
    };
    await bench.run("pod", pod("sandbox"));
    const request = bench.request("c1", pod("container"));
    const mounts = [...(request.spec.mounts ?? []), { destination: "/data", type: "bind", source }];
    await bench.runtime.request(createTask({ ...request, spec: { ...request.spec, mounts } }));
  });
  afterEach(() => bench.close());

  it("are told of by the guest, and made larger on the host before there", async () => {
    const { runtime } = bench;
    expect(await runtime.request(volumeStats({ source }))).to.deep.equal({ json: '{"of":"/guest/volume"}' });
    await runtime.request(resizeVolume({ source, bytes: 7 }));
    expect(calls).to.deep.equal([
      ["grow", 7],
      ["/guest/volume", 7n],
    ]);
  });

  it("are not the guest's to grow when the host refuses", async () => {
    refusal = new KataError("KATA_TEST", "FAILED_PRECONDITION", "no");
    const error = await failure(bench.runtime.request(resizeVolume({ source, bytes: 7 })));
    expect(codeOf(error)).to.equal("KATA_TEST");
    expect(calls).to.deep.equal([]);
  });

  it("are unknown elsewhere, and when their container is gone", async () => {
    const { runtime } = bench;
    const unknown = async (one: string) => codeOf(await failure(runtime.request(volumeStats({ source: one }))));
    expect(await unknown("/other")).to.equal("KATA_VOLUME_NOT_HERE");
    await runtime.request(killTask({ ...main("c1"), signal: 9, all: true }));
    await runtime.request(waitTask(main("c1")));
    await runtime.request(deleteTask(main("c1")));
    expect(await unknown(source)).to.equal("KATA_VOLUME_NOT_HERE");
  });

  it("are an error with an agent that knows none", async () => {
    delete bench.agent.capabilities.volume;
    expect(codeOf(await failure(bench.runtime.request(volumeStats({ source }))))).to.equal("KATA_VOLUME_AGENT");
  });
});
