import { expect } from "chai";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeBlocks, pages } from "../../support/markdown.js";
import { projectDirectory } from "../../support/project.js";
import { runTool } from "../../support/run-tool.js";

const project = projectDirectory();

describe("the samples of the pages", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "kata-ts-samples-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("compile in a project that has installed the package", () => {
    mkdirSync(join(folder, "node_modules/@types"), { recursive: true });
    symlinkSync(project, join(folder, "node_modules/kata-ts"));
    for (const name of ["@types/node", "@types/mocha", "undici-types", "rxjs", "valibot"])
      symlinkSync(join(project, "node_modules", name), join(folder, "node_modules", name));
    writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
    const files = pages()
      // What is generated of declarations is no module of its own.
      .filter((page) => !page.startsWith("etc/"))
      .flatMap(codeBlocks)
      // Excerpts are parts of files that are compiled as a whole.
      .filter(({ language, from }) => language === "ts" && from === undefined)
      .map(({ page, line, text }) => {
        const file = `${page.replaceAll(/\W/g, "_")}_${line}.ts`;
        writeFileSync(join(folder, file), `${text}\nexport {};\n`);
        return file;
      });
    expect(files.length, "samples").to.be.above(0);
    const options = { strict: true, noEmit: true, skipLibCheck: true, target: "es2022", module: "nodenext" };
    const compilerOptions = { ...options, lib: ["es2023", "esnext.disposable"], types: ["node", "mocha"] };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
    const { status, stdout } = runTool(join(project, "node_modules/.bin/tsc"), ["-p", folder], folder);
    expect(status, stdout).to.equal(0);
  });
});
