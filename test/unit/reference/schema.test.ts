import { builtinSchema } from "../../support/config-schema.js";
import { expectFresh } from "../../support/reference.js";

describe("the JSON Schema of the configuration", () => {
  it("is in config/configuration.schema.json as the key tables have it", () => {
    expectFresh("config/configuration.schema.json", `${JSON.stringify(builtinSchema(), null, 2)}\n`);
  });
});
