// `npm run bench [NAME …]`: every benchmark, or those named, as a table and as JSON (dist/bench.json). A row compares two things
// that were measured in the same run; machines differ and are noisy, ratios travel.
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { installModules, installPackages, root, run, testPackages } from "./setup.mjs";

installModules();
run(process.execPath, ["tools/build.mjs", "--if-changed"]);
installPackages(testPackages);
run(process.execPath, ["dist/src/bin/kata-ts/main.js", "guest", "build"]);
// Certificates named here are parsed at every start of Node, for nothing.
delete process.env.NODE_EXTRA_CA_CERTS;

const directory = join(root, "dist", "bench");
const benchmarks = new Map();
for (const file of readdirSync(directory).sort()) {
  if (!file.endsWith(".js")) continue;
  const module = await import(pathToFileURL(join(directory, file)).href);
  if (typeof module.run === "function") benchmarks.set(file.replace(/\.js$/, ""), module);
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !benchmarks.has(name));
if (unknown.length > 0) {
  console.error(`no benchmark ${unknown.join(", ")}; there are: ${[...benchmarks.keys()].join(", ")}`);
  process.exit(2);
}

const { NotMeasured } = await import(pathToFileURL(join(directory, "row.js")).href);
const rows = [];
const notMeasured = [];
let failed = false;
for (const [name, module] of benchmarks) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.error(`measuring ${name}`);
  try {
    for (const row of await module.run()) rows.push({ benchmark: name, ...row });
  } catch (error) {
    if (error instanceof NotMeasured) {
      notMeasured.push(`${name}: not measured: ${error.message}`);
      continue;
    }
    failed = true;
    console.error(`${name}: ${error.stack ?? error}`);
  }
}

const number = (value) => (value === undefined ? "" : Number(value).toPrecision(4));
const lines = rows.map((row) => [
  row.benchmark,
  row.name,
  `${number(row.value)} ${row.unit}`,
  `${row.against.name} ${number(row.against.value)} ${row.unit}`,
  number(row.ratio),
  row.limit === undefined ? "" : number(row.limit),
  row.limit === undefined || row.ratio === undefined ? "" : row.ratio <= row.limit ? "met" : "MISSED",
]);
const table = [["BENCHMARK", "WHAT", "OURS", "AGAINST", "RATIO", "LIMIT", ""], ...lines];
const widths = table[0].map((_, index) => Math.max(...table.map((line) => line[index].length)));
for (const line of table)
  console.log(
    line
      .map((cell, index) => cell.padEnd(widths[index]))
      .join("  ")
      .trimEnd(),
  );
for (const line of notMeasured) console.log(line);
writeFileSync(join(root, "dist", "bench.json"), `${JSON.stringify(rows, null, 2)}\n`);
process.exitCode = failed ? 1 : 0;
