import { expect } from "chai";
import { codeOf, messageOf } from "../../../../src/core/errors/error.js";
import { upcallErrors } from "../../../../src/core/upcall/errors.js";
import { DevicePlugs } from "../../../../src/vmm/hotplug/device-plugs.js";
import type { GuestDevice } from "../../../../src/vmm/hotplug/guest-side.js";
import { SlotTable } from "../../../../src/vmm/machine/slot-table.js";
import type { DeviceSpec } from "../../../../src/vmm/threads/device-spec.js";

const disk = (id: string): DeviceSpec => ({ kind: "disk", id, path: "/disk", readOnly: true });
const card = (id: string): DeviceSpec => ({ kind: "card", id, mac: "02:00:00:00:00:01", taps: [7, 8] });

const refusal = upcallErrors.KATA_UPCALL_REFUSED({ what: "do it", reason: "EBUSY" });
const silence = upcallErrors.KATA_UPCALL_SILENT({ what: "do it", ms: 1, why: "no" });

/** A machine whose two sides note what they are asked, and fail where they are told to. */
function scene(count = 2) {
  const log: string[] = [];
  const fail: Record<string, unknown> = {};
  const does = (what: string) => async (): Promise<void> => {
    log.push(what);
    await new Promise((resolve) => setImmediate(resolve));
    const error = fail[what.split(" ")[0] ?? ""];
    if (error !== undefined) throw error;
  };
  const slots = new SlotTable(count);
  const plugs = new DevicePlugs({
    sys: { descriptors: { close: (fd: number) => void log.push(`close ${fd}`) } } as never,
    slots,
    host: { plug: ({ slot, spec }) => does(`plug ${spec.id}@${slot}`)(), unplug: (id) => does(`unplug ${id}`)() },
    guest: {
      addDevice: async ({ address, line }): Promise<GuestDevice> => {
        await does(`take 0x${address.toString(16)}:${line}`)();
        return { disk: "vdb" };
      },
      removeDevice: ({ address }) => does(`leave 0x${address.toString(16)}`)(),
    },
  });
  return { plugs, slots, log, fail };
}

describe("plugging devices into a machine that runs", () => {
  it("makes the device, then tells the guest; and the other way round", async () => {
    const { plugs, slots, log } = scene();
    expect(await plugs.plug(disk("a"))).to.deep.equal({ disk: "vdb" });
    await plugs.unplug("a");
    expect(log).to.deep.equal(["plug a@0", "take 0xd0000000:5", "leave 0xd0000000", "unplug a"]);
    expect(slots.ids).to.deep.equal([]);
  });

  it("does one after the other", async () => {
    const { plugs, log } = scene();
    await Promise.all([plugs.plug(disk("a")), plugs.plug(disk("b")), plugs.unplug("a"), plugs.plug(disk("c"))]);
    const order = log.map((line) => line.split(" ")[0]);
    expect(order).to.deep.equal(["plug", "take", "plug", "take", "leave", "unplug", "plug", "take"]);
    expect(log.at(-2)).to.equal("plug c@0");
  });

  it("refuses what there is no slot for, and closes its taps", async () => {
    const { plugs, log } = scene(1);
    await plugs.plug(disk("a"));
    expect(await plugs.plug(card("b")).catch(codeOf)).to.equal("KATA_VMM_SLOTS");
    expect(await plugs.plug(card("a")).catch(codeOf)).to.equal("KATA_VMM_DEVICE_EXISTS");
    expect(log.slice(2)).to.deep.equal(["close 7", "close 8", "close 7", "close 8"]);
    expect(await plugs.unplug("b").catch(codeOf)).to.equal("KATA_VMM_DEVICE_UNKNOWN");
  });

  it("gives the slot back of a device that cannot be made, or that the guest refuses", async () => {
    const { plugs, log, fail } = scene(1);
    fail["plug"] = new Error("no such file");
    expect(await plugs.plug(disk("a")).catch(messageOf)).to.equal("no such file");
    fail["plug"] = undefined;
    fail["take"] = refusal;
    expect(await plugs.plug(disk("a")).catch(codeOf)).to.equal("KATA_UPCALL_REFUSED");
    expect(log.at(-1)).to.equal("unplug a");
    fail["take"] = undefined;
    await plugs.plug(disk("a"));
    expect(log.at(-1)).to.equal("take 0xd0000000:5");
  });

  it("takes a device out that the guest does not answer for, and uses its slot no more", async () => {
    const { plugs, log, fail } = scene(2);
    fail["take"] = silence;
    expect(await plugs.plug(disk("a")).catch(codeOf)).to.equal("KATA_UPCALL_SILENT");
    expect(log.at(-1)).to.equal("unplug a");
    fail["take"] = undefined;
    await plugs.plug(disk("a"));
    expect(log.at(-1)).to.equal("take 0xd0001000:6");
    expect(await plugs.plug(disk("b")).catch(codeOf)).to.equal("KATA_VMM_SLOTS");
  });

  it("leaves a device that the guest keeps, and pulls it out by force", async () => {
    const { plugs, slots, log, fail } = scene(2);
    await plugs.plug(disk("a"));
    for (const error of [refusal, silence]) {
      fail["leave"] = error;
      expect(await plugs.unplug("a").catch(codeOf)).to.equal(error.code);
      expect([slots.ids, log.at(-1)]).to.deep.equal([["a"], "leave 0xd0000000"]);
    }
    await plugs.unplug("a", { force: true });
    expect([slots.ids, log.at(-1)]).to.deep.equal([[], "unplug a"]);
    fail["leave"] = undefined;
    await plugs.plug(disk("a"));
    expect(log.at(-1)).to.equal("take 0xd0001000:6");
  });

  it("gives the slot back when force was not needed", async () => {
    const { plugs, log } = scene(1);
    await plugs.plug(disk("a"));
    await plugs.unplug("a", { force: true });
    await plugs.plug(disk("a"));
    expect(log.at(-1)).to.equal("take 0xd0000000:5");
  });

  it("plugs nothing more once the machine ends, and closes the taps of what waits", async () => {
    const { plugs, log } = scene();
    const first = plugs.plug(disk("a"));
    const waiting = [plugs.plug(card("b")), plugs.unplug("a")].map((one) => one.catch(codeOf));
    plugs.close();
    expect(await first.catch(codeOf)).to.equal("KATA_VMM_NOT_RUNNING");
    expect(await Promise.all(waiting)).to.deep.equal(["KATA_VMM_NOT_RUNNING", "KATA_VMM_NOT_RUNNING"]);
    expect(log).to.deep.equal(["close 7", "close 8"]);
  });

  it("tells both errors when it cannot undo what the guest refuses", async () => {
    const { plugs, fail } = scene(1);
    [fail["take"], fail["unplug"]] = [refusal, new Error("stuck")];
    const error: unknown = await plugs.plug(disk("a")).catch((cause: unknown) => cause);
    expect(error).to.be.instanceOf(AggregateError);
    expect((error as AggregateError).errors.map(messageOf)).to.deep.equal([refusal.message, "stuck"]);
  });
});
