/** A package of somebody else with a plugin of every kind there is, and of one that there was not. */
import { plugin as agent } from "./agent.js";
import { plugin as cgroup } from "./cgroup.js";
import { plugin as filter } from "./filter.js";
import { plugin as handler } from "./handler.js";
import { plugin as hypervisor } from "./hypervisor.js";
import { plugins as network } from "./network.js";
import { plugin as service } from "./service.js";
import { plugins as storage } from "./storage.js";

export { notes } from "./notes.js";

export const plugins = [filter, service, handler, hypervisor, agent, cgroup, ...network, ...storage];
