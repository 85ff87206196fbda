// Writes dist/THIRD-PARTY-LICENSES: whose code is in the bundles that the package has, and on what terms.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./setup.mjs";

/** Packages that the bundles leave where npm puts them. */
const external = new Set(["koffi", "@grpc/grpc-js"]);
const licenceFile = /^(licen[cs]e|copying|notice|copyrightnotice)(\.(md|txt))?$/i;

const descriptionOf = (directory) => JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));

/** Dependencies that may be bundled, and theirs. */
function bundled() {
  const found = new Set();
  const visit = (names) => {
    for (const name of names) {
      if (external.has(name) || found.has(name)) continue;
      found.add(name);
      visit(Object.keys(descriptionOf(join(root, "node_modules", name)).dependencies ?? {}));
    }
  };
  visit(Object.keys(descriptionOf(root).dependencies));
  return [...found].toSorted((a, b) => (a < b ? -1 : 1));
}

function chapter(name) {
  const directory = join(root, "node_modules", name);
  const { version, license } = descriptionOf(directory);
  const files = readdirSync(directory).filter((file) => licenceFile.test(file));
  const texts = files.map((file) => readFileSync(join(directory, file), "utf8").trim());
  return [`${name} ${version} (${license})`, "=".repeat(72), "", ...texts.flatMap((text) => [text, ""])].join("\n");
}

writeFileSync(join(root, "dist/THIRD-PARTY-LICENSES"), bundled().map(chapter).join("\n"));
