import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { hypervisorKeys } from "../../../../src/core/config/keys/hypervisor.js";
import { renderReference, renderTemplate } from "../../../../src/core/config/reference.js";
import { extensionsOf } from "../../../../src/core/config/plugin-schema.js";
import { kindName } from "../../../../src/core/plugin/kinds.js";
import { builtins } from "../../../../src/plugins/builtins.js";
import { projectDirectory } from "../../../support/project.js";
import { expectFresh } from "../../../support/reference.js";
import { ConfigFixture } from "./config-fixture.js";

const reference = "docs/configuration.md";
const template = "config/configuration-qemu.toml";
const marks = /(<!-- keys:begin -->\n)[\s\S]*(<!-- keys:end -->)/;

/** What the built-in plugins say: the template shows their defaults. */
const extensions = extensionsOf(
  builtins.map((one) => ({ ...one, id: { kind: kindName(one.plugin.kind), name: one.plugin.name } })),
);

const templateOf = (hypervisor: string) =>
  renderTemplate({ hypervisor, agent: "kata", extensions, schema: "./configuration.schema.json" });

const hypervisors = extensions.filter(({ kind }) => kind === "hypervisor").map(({ name }) => name);

describe("the reference of configuration", () => {
  it("is what the key tables say", () => {
    const text = readFileSync(join(projectDirectory(), reference), "utf8");
    const expected = text.replace(
      marks,
      (_all, begin: string, end: string) => `${begin}\n${renderReference()}\n${end}`,
    );
    expectFresh(reference, expected);
  });

  it("goes with a template of the same keys", () => {
    expectFresh(template, templateOf("qemu"));
  });

  it("names every key of a hypervisor", () => {
    const text = renderReference();
    for (const [name, row] of Object.entries(hypervisorKeys)) {
      if (row.type !== "table") expect(text).to.contain(`| \`${name}\` |`);
    }
  });
});

describe("the configuration template", () => {
  let fixture: ConfigFixture;
  beforeEach(() => {
    fixture = new ConfigFixture();
  });
  afterEach(() => fixture.remove());

  for (const hypervisor of hypervisors) {
    it(`for ${hypervisor} sets nothing as it is, and the defaults when uncommented`, async () => {
      const text = templateOf(hypervisor);
      const chosen = [{ key: "runtime.hypervisor_name", value: hypervisor, name: "--hypervisor" }];
      const asIs = await fixture.load(text, { extensions, overrides: chosen });
      const all = text.replaceAll(/^#(?=[a-z_0-9]+ = )/gm, "");
      const uncommented = await fixture.load(all, { extensions, overrides: chosen });
      const values = (config: typeof asIs) => config.listing().map(({ key, value }) => [key, value]);
      const set = asIs.listing().filter(({ origin }) => origin.kind !== "default");
      expect(set.map(({ key }) => key)).to.deep.equal(["runtime.hypervisor_name"]);
      expect(values(uncommented)).to.deep.equal(values(asIs));
      expect(uncommented.listing().filter(({ origin }) => origin.kind === "file").length).to.be.greaterThan(60);
    });
  }
});
