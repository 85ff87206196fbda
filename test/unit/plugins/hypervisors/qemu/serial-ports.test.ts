import { expect } from "chai";
import { messageOf } from "../../../../../src/core/errors/error.js";
import { renewSerialPorts, serialPorts } from "../../../../../src/plugins/hypervisors/qemu/serial-ports.js";
import { failureOf } from "./machine.js";

describe("the ports of virtio-serial of a machine that is adopted", () => {
  /** What QEMU was asked, and what was waited for, in order. */
  let calls: string[];
  beforeEach(() => (calls = []));

  const monitor = (refused = "") => ({
    execute: async (command: string, args: Readonly<Record<string, unknown>> = {}) => {
      calls.push([command, args["id"], args["chardev"]].filter((word) => typeof word === "string").join(" "));
      if (command === refused) throw new Error(`${command} is refused`);
    },
    expectEvent: (name: string, wanted?: (data: Readonly<Record<string, unknown>>) => boolean) => {
      const heard = ["channel-1024", "channel-1025"].filter((device) => wanted?.({ device }));
      calls.push(`expect ${name} of ${heard.join()}`);
      return {
        within: async () => {
          calls.push(`heard ${heard.join()}`);
          return { kind: "event" as const, name, data: {} };
        },
        forget: () => void calls.push("forget"),
      };
    },
  });

  it("are the sockets with a port's name", () => {
    expect(serialPorts(["qmp", "console", "port-1024", "port-1025"])).to.deep.equal([1024, 1025]);
    expect(serialPorts(["qmp", "extra"])).to.deep.equal([]);
  });

  it("are removed, and come again when they are gone, each after the other", async () => {
    await renewSerialPorts(monitor(), [1024, 1025]);
    expect(calls).to.deep.equal(
      [1024, 1025].flatMap((port) => [
        `expect DEVICE_DELETED of channel-${port}`,
        `device_del channel-${port}`,
        `heard channel-${port}`,
        "forget",
        `device_add channel-${port} port-${port}`,
      ]),
    );
  });

  it("wait for nothing any more when QEMU refuses", async () => {
    const error = await failureOf(renewSerialPorts(monitor("device_del"), [1024, 1025]));
    expect(messageOf(error)).to.equal("device_del is refused");
    expect(calls).to.deep.equal(["expect DEVICE_DELETED of channel-1024", "device_del channel-1024", "forget"]);
  });
});
