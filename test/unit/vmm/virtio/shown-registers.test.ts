import { expect } from "chai";
import type { DeviceContext, VirtioDevice } from "../../../../src/vmm/virtio/device.js";
import { mmioRegister } from "../../../../src/vmm/virtio/mmio-registers.js";
import type { ShownRegisters } from "../../../../src/vmm/virtio/mmio-transport.js";
import { DrivenDevice } from "../../../support/vmm/driven-device.js";

/** Memory in the place of the registers. */
class Shown implements ShownRegisters {
  page: DataView | undefined;

  show(fill: (page: Uint8Array) => void): void {
    const bytes = new Uint8Array(4096);
    fill(bytes);
    this.page = new DataView(bytes.buffer);
  }

  hide(): void {
    this.page = undefined;
  }
}

function running(fixedConfiguration = true) {
  let context: DeviceContext | undefined;
  const device: VirtioDevice = {
    kind: 2,
    name: "shown",
    features: 0n,
    queueSizes: [8],
    configuration: Uint8Array.of(1, 2, 3, 4, 5),
    fixedConfiguration,
    activate: (given) => (context = given),
    notify: () => {
      throw new Error("it has failed");
    },
    reset: () => undefined,
    close: () => undefined,
  };
  const shown = new Shown();
  const driven = new DrivenDevice(device, undefined, shown);
  expect(shown.page).to.equal(undefined);
  driven.start();
  return { shown, driven, context: () => context };
}

describe("registers that a guest reads as memory", () => {
  it("say what they would say, and of an interrupt that it may be one of a queue's", () => {
    const { shown, driven } = running();
    const { page } = shown;
    for (let offset = 0; offset < mmioRegister.config + 8; offset += 4) {
      const expected = offset === mmioRegister.interruptStatus ? 1 : driven.read(offset);
      expect(page?.getUint32(offset, true), `at 0x${offset.toString(16)}`).to.equal(expected);
    }
    expect(page?.getUint32(mmioRegister.status, true)).to.equal(15);
  });

  it("are there only for a device whose configuration stays as it is", () => {
    expect(running(false).shown.page).to.equal(undefined);
  });

  const ends: readonly [string, (of: ReturnType<typeof running>) => unknown][] = [
    ["its driver selects something else", ({ driven }) => driven.write(mmioRegister.queueSelect, 1)],
    ["its driver resets it", ({ driven }) => driven.reset()],
    ["it has failed", ({ driven }) => driven.transport.notified(0)],
    ["it tells of its configuration", ({ context }) => context()?.configurationChanged()],
    ["it is taken out", async ({ driven }) => driven.transport.close()],
  ];
  for (const [what, end] of ends) {
    it(`are none any more when ${what}`, async () => {
      const all = running();
      expect(all.shown.page).to.not.equal(undefined);
      await end(all);
      expect(all.shown.page).to.equal(undefined);
    });
  }

  it("are there again with another driver", () => {
    const { shown, driven } = running();
    driven.reset();
    driven.start();
    expect(shown.page?.getUint32(mmioRegister.status, true)).to.equal(15);
  });
});
