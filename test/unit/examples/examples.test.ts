import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { readPage } from "../../support/markdown.js";
import { projectDirectory } from "../../support/project.js";

const directory = join(projectDirectory(), "examples");
const names = readdirSync(directory, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

describe("the examples", () => {
  it("are all listed, a line each", () => {
    const lines = readPage("examples/README.md").split("\n");
    const listed = lines.flatMap((line) => /^- \[([a-z-]+)\]/.exec(line)?.[1] ?? []);
    expect(listed).to.have.members(names);
  });

  it("import what a stranger can: the package's entries, Node's modules, rxjs, and each other", () => {
    const entries = /^(?:kata-ts(?:\/(?:plugin|testing|vmm))?|node:.*|rxjs|\.\/[\w-]+\.js)$/;
    expect(names.length).to.be.above(0);
    for (const name of names) {
      for (const file of readdirSync(join(directory, name)).filter((path) => path.endsWith(".ts"))) {
        const text = readFileSync(join(directory, name, file), "utf8");
        const imported = [...text.matchAll(/(?:from|import) "([^"]+)"/g)].map(([, from = ""]) => from);
        for (const from of imported) expect(from, `${name}/${file}`).to.match(entries);
      }
    }
  });
});
