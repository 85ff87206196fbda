import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { checkValue } from "../../../src/core/config/check-value.js";
import { keySchema } from "../../../src/core/config/json-schema.js";
import { agentKeys } from "../../../src/core/config/keys/agent.js";
import { hypervisorKeys } from "../../../src/core/config/keys/hypervisor.js";
import type { KeyTable } from "../../../src/core/config/keys/key.js";
import { runtimeKeys } from "../../../src/core/config/keys/runtime.js";
import { nodeOf, placeOf } from "../../../src/core/config/plain-node.js";
import { builtinSchema, compileSchema, type Validate } from "../../support/config-schema.js";
import { codeBlocks, pages } from "../../support/markdown.js";
import { projectDirectory } from "../../support/project.js";
import { runTool } from "../../support/run-tool.js";

const place = placeOf({ kind: "override", name: "the test", text: "" });
const uncomment = (text: string) => text.replaceAll(/^#(?=[a-z_0-9]+ = )/gm, "");
/** Values as JSON has them: tables without a prototype, and large numbers, are not for ajv. */
const plain = (text: string): unknown =>
  JSON.parse(
    JSON.stringify(parse(text, { integersAsBigInt: "asNeeded" }), (_, value: unknown) =>
      typeof value === "bigint" ? Number(value) : value,
    ),
  );

describe("the JSON Schema of configuration.toml, by ajv", () => {
  let validate: Validate;
  before(() => {
    validate = compileSchema(builtinSchema());
  });

  const problemsOf = (text: string) => {
    validate(plain(text));
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message ?? ""}`);
  };

  it("takes the templates, as they are and with every key set", () => {
    const directory = join(projectDirectory(), "config");
    const templates = readdirSync(directory).filter((name) => name.endsWith(".toml"));
    expect(templates.length).to.be.above(0);
    for (const name of templates) {
      const text = readFileSync(join(directory, name), "utf8");
      expect(text.split("\n")[0], name).to.equal("#:schema ./configuration.schema.json");
      for (const one of [text, uncomment(text)]) expect(problemsOf(one), name).to.deep.equal([]);
    }
  });

  it("takes what the pages show, but plugins of others", () => {
    const texts = pages()
      .flatMap(codeBlocks)
      .filter(({ language, text }) => language === "toml" && !text.includes("io.containerd"));
    expect(texts.length).to.be.above(0);
    for (const { page, line, text } of texts) expect(problemsOf(text), `${page}:${line}`).to.deep.equal([]);
  });

  for (const [why, text] of [
    ["an unknown key", "[runtime]\nnam = 'x'"],
    ["an unknown table", "[runtme]\nname = 'x'"],
    ["an unknown key of a hypervisor", "[hypervisor.qemu]\ndefault_memry = 1"],
    ["a string for a number", "[hypervisor.qemu]\ndefault_memory = '2048'"],
    ["a number that is too large", "[agent.kata]\nserver_port = 5000000000"],
    ["a word that is none of a key's", "[runtime]\nlog_level = 'loud'"],
    ["a relative path", "[hypervisor.qemu]\nkernel = 'vmlinux'"],
    ["a string for a list", "plugins = '@acme/x'"],
    ["a key of a plugin that has none", "[volume.shm]\nsize = 1"],
  ] as const) {
    it(`refuses ${why}`, () => {
      expect(problemsOf(text)).to.not.deep.equal([]);
    });
  }

  const tables: Record<string, KeyTable> = { runtime: runtimeKeys, hypervisor: hypervisorKeys, agent: agentKeys };
  for (const [table, keys] of Object.entries(tables)) {
    it(`takes of each key of ${table} what the loader takes, and refuses what it refuses`, () => {
      let compared = 0;
      for (const [name, row] of Object.entries(keys)) {
        if (row.type === "table" || row.type === "list of tables") continue;
        const check = compileSchema(keySchema(row));
        const bounds = [row.min, row.max, 0, 1, -1].flatMap((bound) =>
          bound === undefined ? [] : [bound - 1, bound, bound + 1],
        );
        const scalars = [
          true,
          "",
          "x",
          "/x",
          "3",
          1.5,
          ...bounds,
          ...(row.oneOf ?? []),
          ...Object.keys(row.spellings ?? {}),
        ];
        for (const value of [...scalars, [], ...scalars.map((one) => [one]), {}]) {
          const isTaken = checkValue(row, nodeOf(value, place)).ok;
          // What is a pattern is the loader's alone to say.
          expect(check(value), `${name} = ${JSON.stringify(value)}`).to.equal(isTaken);
          compared += 1;
        }
      }
      expect(compared).to.be.above(500);
    });
  }

  it("is what kata-ts config --json-schema prints, and the template is printed with its place", () => {
    const program = [process.execPath, "dist/src/bin/kata-ts/main.js", "config"] as const;
    const run = (...args: string[]) => runTool(program[0], [program[1], program[2], ...args]);
    expect(JSON.parse(run("--json-schema").stdout)).to.deep.equal(JSON.parse(JSON.stringify(builtinSchema())));
    const { stdout } = run("--template", "--hypervisor", "dragonball");
    const [, schema = ""] = /^#:schema (\/.+)$/m.exec(stdout) ?? [];
    expect(compileSchema(JSON.parse(readFileSync(schema, "utf8")) as object)(plain(uncomment(stdout)))).to.equal(true);
    const unknown = run("--template", "--hypervisor", "qumu");
    expect(unknown.stderr).to.contain("KATA_PLUGIN_UNKNOWN");
    expect(unknown.status).to.equal(1);
  });
});
