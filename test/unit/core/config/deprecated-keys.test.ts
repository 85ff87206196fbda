import { expect } from "chai";
import { renderJsonSchema } from "../../../../src/core/config/json-schema.js";
import { pluginConfig } from "../../../../src/core/config/plugin-schema.js";
import { boolean, integer } from "../../../../src/core/config/keys/key.js";
import { createLogger } from "../../../../src/core/log.js";
import { definePlugin } from "../../../../src/core/plugin/plugin.js";
import { Runtime } from "../../../../src/core/runtime/runtime.js";
import { ConfigFixture } from "./config-fixture.js";

const going = { since: "1.2.0", removal: "2.0.0", hint: "leave it out" };
const keys = {
  old: boolean(false, "An old key.", { deprecated: going }),
  size: integer(1, "A size.", { formerNames: { length: { ...going, hint: "write size" } } }),
};
const extension = { kind: "volume", name: "box", keys };

const never = () => {
  throw new Error("it is never asked for a volume");
};

describe("keys of configuration that are to go", () => {
  let fixture: ConfigFixture;
  beforeEach(() => {
    fixture = new ConfigFixture();
  });
  afterEach(() => fixture.remove());

  const text = "[volume.box]\nold = true\nlength = 3\n";

  it("work, and are listed with the place of each", async () => {
    const config = await fixture.load(text, { extensions: [extension] });
    expect(config.pluginTable("volume", "box")).to.deep.equal({ old: true, size: 3 });
    expect(config.deprecated).to.deep.equal([
      { ...going, what: "the key volume.box.old", where: `${fixture.file}:2` },
      { ...going, hint: "write size", what: "the key volume.box.length", where: `${fixture.file}:3` },
    ]);
    const listed = config.listing().filter(({ deprecated }) => deprecated !== undefined);
    expect(listed.map(({ key }) => key)).to.deep.equal(["volume.box.old"]);
  });

  it("are not listed when nothing sets them, nor under their new names", async () => {
    const config = await fixture.load("[volume.box]\nsize = 3\n", { extensions: [extension] });
    expect(config.deprecated).to.deep.equal([]);
  });

  it("are errors when both names are written", async () => {
    const error = await fixture.refusal("[volume.box]\nsize = 3\nlength = 3\n", { extensions: [extension] });
    expect(error.message).to.contain("is the same key as size; set one of them");
  });

  it("are marked for editors", () => {
    const schema = JSON.stringify(renderJsonSchema([extension]));
    expect(schema.match(/"deprecated":true/g)?.length).to.equal(2);
  });

  it("are said in the log of a runtime, once", async () => {
    fixture.write("configuration.toml", text);
    const lines: string[] = [];
    const plugin = definePlugin({
      api: 1,
      kind: "volume",
      name: "box",
      config: pluginConfig({ keys }),
      create: () => ({ name: "box", match: () => 0, create: never }),
    });
    const log = createLogger((line) => lines.push(line), "warn");
    await using runtime = new Runtime({ plugins: [{ plugin, origin: "the test" }], configPath: fixture.file, log });
    await runtime.config();
    await runtime.config();
    expect(lines.filter((line) => line.includes("volume.box.old")).length).to.equal(1);
    expect(lines.filter((line) => line.includes("volume.box.length")).length).to.equal(1);
  });
});
