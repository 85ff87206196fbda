import assert from "node:assert/strict";
import type { BlockDriver } from "../../core/contracts/block-driver.js";
import type { Subject, Trial } from "./check.js";

/** What is told of a block driver that is tried. */
export interface BlockDriverSubject extends Subject {
  /** Where a hypervisor may report a disk of it: `02/01`, `/dev/vda`, `0:1`. */
  readonly guestLocator: string;
}

const mount = { fstype: "ext4", options: ["ro", "noload"], mountPoint: "/run/kata-containers/c/rootfs" };

export const blockDriverTrials: readonly Trial<BlockDriverSubject, BlockDriver>[] = [
  {
    name: "makes a disk of what it is told",
    async run(stage) {
      const driver = await stage.instance();
      for (const readOnly of [true, false]) {
        const { driver: transport, ...device } = driver.device("disk-7", "/dev/mapper/seven", readOnly);
        assert.deepEqual(device, { kind: "block", id: "disk-7", path: "/dev/mapper/seven", readOnly });
        assert.notEqual(transport, "", "the device names no transport");
      }
    },
  },
  {
    name: "has the guest mount the disk as it is told, and find it by where it is",
    async run(stage) {
      const driver = await stage.instance();
      const { guestLocator } = stage.subject;
      const { driver: name, source, ...rest } = driver.storage(guestLocator, mount);
      assert.notEqual(name, "", "the storage names no driver of the agent");
      assert.notEqual(source, "", "the storage has no source");
      for (const [key, value] of Object.entries(mount)) assert.deepEqual(rest[key as keyof typeof mount], value);
      assert.notEqual(
        driver.storage(`${guestLocator}1`, mount).source,
        source,
        "another disk is found at the same place",
      );
    },
  },
];
