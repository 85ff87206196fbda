import { plugin as cgroupV2 } from "../../../../src/plugins/cgroups/v2/index.js";
import { keepsPromises } from "../../../support/keeps-promises.js";

// The real ones of the host, of both versions, are in test/integration/testing.
describe("cgroups of version 2 keep what their kind promises, in a pretended hierarchy", function () {
  // One that is busy is waited for some seconds.
  this.timeout(20_000);
  keepsPromises(cgroupV2, {});
});
