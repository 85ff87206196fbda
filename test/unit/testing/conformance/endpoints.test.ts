import { plugin as macvtapModel } from "../../../../src/plugins/endpoints/network-models/macvtap/index.js";
import { plugin as none } from "../../../../src/plugins/endpoints/network-models/none/index.js";
import { plugin as tcfilter } from "../../../../src/plugins/endpoints/network-models/tcfilter/index.js";
import { keepsPromises } from "../../../support/keeps-promises.js";
import { endpoints } from "../../../support/subjects/endpoints.js";

describe("endpoints keep what their kind promises", () => {
  for (const { plugin, subject, here } of endpoints) keepsPromises(plugin, subject, here);
});

describe("network models keep what their kind promises", () => {
  for (const plugin of [tcfilter, macvtapModel, none]) keepsPromises(plugin, {});
});
