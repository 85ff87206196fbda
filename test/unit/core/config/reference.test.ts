import { expect } from "chai";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { hypervisorKeys } from "../../../../src/core/config/keys/hypervisor.js";
import { renderReference, renderTemplate } from "../../../../src/core/config/reference.js";
import { extensionsOf } from "../../../../src/core/config/plugin-schema.js";
import { builtins } from "../../../../src/plugins/builtins.js";
import { ConfigFixture } from "./config-fixture.js";

/** The project's directory: the nearest one above with a package.json. */
function projectDirectory(): string {
  let at = dirname(fileURLToPath(import.meta.url));
  while (at !== dirname(at)) {
    try {
      readFileSync(join(at, "package.json"));
      return at;
    } catch {
      at = dirname(at);
    }
  }
  throw new Error("no package.json above this test");
}

const reference = join(projectDirectory(), "docs/configuration.md");
const template = join(projectDirectory(), "config/configuration-qemu.toml");
const marks = /(<!-- keys:begin -->\n)[\s\S]*(<!-- keys:end -->)/;

/** What the built-in plugins say: the template shows their defaults. */
const extensions = extensionsOf(
  builtins.map((one) => ({ ...one, id: { kind: one.plugin.kind, name: one.plugin.name } })),
);

const head = [
  "# kata-ts with QEMU. Every key here has its default; docs/configuration.md says more.",
  "# Made from the key tables of src/core/config/keys.",
  "",
  "",
].join("\n");

describe("the reference of configuration", () => {
  it("is what the key tables say", () => {
    const text = readFileSync(reference, "utf8");
    const expected = text.replace(
      marks,
      (_all, begin: string, end: string) => `${begin}\n${renderReference()}\n${end}`,
    );
    if (process.env["KATA_TS_WRITE_REFERENCE"]) writeFileSync(reference, expected);
    else expect(text, "docs/configuration.md").to.equal(expected);
  });

  it("goes with a template of the same keys", () => {
    const expected = head + renderTemplate("qemu", "kata", extensions);
    if (process.env["KATA_TS_WRITE_REFERENCE"]) writeFileSync(template, expected);
    else expect(readFileSync(template, "utf8"), "config/configuration-qemu.toml").to.equal(expected);
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

  it("sets nothing as it is, and the defaults when uncommented", async () => {
    const text = readFileSync(template, "utf8");
    const asIs = await fixture.load(text, { extensions });
    const uncommented = await fixture.load(text.replaceAll(/^#(?=[a-z_0-9]+ = )/gm, ""), { extensions });
    const values = (config: typeof asIs) => config.listing().map(({ key, value }) => [key, value]);
    expect(asIs.listing().every(({ origin }) => origin.kind === "default")).to.equal(true);
    expect(values(uncommented)).to.deep.equal(values(asIs));
    expect(uncommented.listing().filter(({ origin }) => origin.kind === "file").length).to.be.greaterThan(80);
  });
});
