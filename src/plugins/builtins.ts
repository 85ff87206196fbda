import type { Plugin } from "../core/plugin/plugin.js";
import { plugin as kataAgent } from "./agents/kata/index.js";
import { plugin as cgroupV1 } from "./cgroups/v1/index.js";
import { plugin as cgroupV2 } from "./cgroups/v2/index.js";
import { plugin as ipvlan } from "./endpoints/ipvlan/index.js";
import { plugin as macvlan } from "./endpoints/macvlan/index.js";
import { plugin as macvtap } from "./endpoints/macvtap/index.js";
import { plugin as physical } from "./endpoints/physical/index.js";
import { plugin as tap } from "./endpoints/tap/index.js";
import { plugin as tuntap } from "./endpoints/tuntap/index.js";
import { plugin as vhostUser } from "./endpoints/vhost-user/index.js";
import { plugin as veth } from "./endpoints/veth/index.js";
import { plugin as vlan } from "./endpoints/vlan/index.js";
import { plugin as networkNone } from "./endpoints/network-models/none/index.js";
import { plugin as macvtapModel } from "./endpoints/network-models/macvtap/index.js";
import { plugin as tcFilter } from "./endpoints/network-models/tcfilter/index.js";
import { plugin as virtContainer } from "./handlers/virt-container/index.js";
import { plugin as dragonball } from "./hypervisors/dragonball/index.js";
import { plugin as qemu } from "./hypervisors/qemu/index.js";
import { plugin as taskService } from "./services/task/index.js";
import { plugin as inlineVirtioFs } from "./storage/inline-virtio-fs/index.js";
import { plugin as blockMmio } from "./storage/block-virtio-mmio/index.js";
import { plugin as blockPci } from "./storage/block-virtio-pci/index.js";
import { plugin as blockScsi } from "./storage/block-virtio-scsi/index.js";
import { plugin as rootfsBlock } from "./storage/rootfs-block/index.js";
import { plugin as rootfsErofs } from "./storage/rootfs-erofs/index.js";
import { plugin as rootfsNydus } from "./storage/rootfs-nydus/index.js";
import { plugin as rootfsShared } from "./storage/rootfs-shared/index.js";
import { plugin as virtioFs } from "./storage/virtio-fs/index.js";
import { plugin as volumeBlock } from "./storage/volume-block/index.js";
import { plugin as volumeCopy } from "./storage/volume-copy/index.js";
import { plugin as volumeDirect } from "./storage/volume-direct/index.js";
import { plugin as volumeEmptyDir } from "./storage/volume-empty-dir/index.js";
import { plugin as volumeEphemeral } from "./storage/volume-ephemeral/index.js";
import { plugin as volumeHugePages } from "./storage/volume-hugepages/index.js";
import { plugin as volumeLocal } from "./storage/volume-local/index.js";
import { plugin as volumeSharedBind } from "./storage/volume-shared-bind/index.js";
import { plugin as volumeShm } from "./storage/volume-shm/index.js";
import { plugin as volumeSystem } from "./storage/volume-system/index.js";

/** Every plugin that comes with the runtime. */
export const builtins: readonly { readonly plugin: Plugin; readonly origin: string }[] = [
  taskService,
  virtContainer,
  qemu,
  dragonball,
  kataAgent,
  cgroupV1,
  cgroupV2,
  tcFilter,
  macvtapModel,
  networkNone,
  veth,
  ipvlan,
  macvlan,
  vlan,
  macvtap,
  tap,
  tuntap,
  physical,
  vhostUser,
  virtioFs,
  inlineVirtioFs,
  blockPci,
  blockMmio,
  blockScsi,
  rootfsShared,
  rootfsBlock,
  rootfsErofs,
  rootfsNydus,
  volumeSystem,
  volumeShm,
  volumeEphemeral,
  volumeBlock,
  volumeDirect,
  volumeHugePages,
  volumeEmptyDir,
  volumeLocal,
  volumeCopy,
  volumeSharedBind,
].map((plugin) => ({ plugin, origin: "built-in" }));
