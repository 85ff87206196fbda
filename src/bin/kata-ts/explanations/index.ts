import { calls } from "./calls.js";
import { configuration } from "./configuration.js";
import type { Explanations } from "./explanation.js";
import { framework } from "./framework.js";
import { guest } from "./guest.js";
import { hypervisors } from "./hypervisors.js";
import { network } from "./network.js";
import { programs } from "./programs.js";
import { sandbox } from "./sandbox.js";
import { storage } from "./storage.js";
import { system } from "./system.js";
import { vmm } from "./vmm.js";

export type { Explanation, Explanations } from "./explanation.js";

/** Codes that belong together, as `docs/errors.md` shows them. */
export interface ErrorArea {
  readonly name: string;
  readonly title: string;
  readonly codes: Explanations;
}

/** Every code there is, by area. Loaded by whoever explains one, never at a program's start. */
export const errorAreas: readonly ErrorArea[] = [
  { name: "programs", title: "Programs", codes: programs },
  { name: "configuration", title: "Configuration", codes: configuration },
  { name: "framework", title: "Plugins and messages", codes: framework },
  { name: "sandbox", title: "Pods and containers", codes: sandbox },
  { name: "hypervisors", title: "Hypervisors", codes: hypervisors },
  { name: "network", title: "Network", codes: network },
  { name: "storage", title: "Storage", codes: storage },
  { name: "calls", title: "Calls and the agent", codes: calls },
  { name: "guest", title: "The guest", codes: guest },
  { name: "system", title: "The host", codes: system },
  { name: "vmm", title: "The machine in this process", codes: vmm },
];
