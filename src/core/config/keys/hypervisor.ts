import { blockKeys, deviceKeys, networkKeys, securityKeys, sharedFsKeys } from "./hypervisor-devices.js";
import {
  bootKeys,
  confidentialKeys,
  ignoredKeys,
  machineKeys,
  memoryKeys,
  programKeys,
  templateKeys,
} from "./hypervisor-machine.js";
import type { KeyValues } from "./key.js";

/**
 * Keys of `[hypervisor.<name>]`, which Kata shares between all hypervisors. Which of them a hypervisor takes is for its
 * plugin to say; one with keys of its own adds them (`ConfigExtension.keys`).
 */
export const hypervisorKeys = {
  ...programKeys,
  ...bootKeys,
  ...machineKeys,
  ...memoryKeys,
  ...blockKeys,
  ...sharedFsKeys,
  ...networkKeys,
  ...deviceKeys,
  ...securityKeys,
  ...templateKeys,
  ...confidentialKeys,
  ...ignoredKeys,
};

/** What `[hypervisor.<name>]` says. */
export type HypervisorConfig = KeyValues<typeof hypervisorKeys>;
