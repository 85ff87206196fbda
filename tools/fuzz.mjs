// `npm run fuzz [-- --runs N --seed N --seconds N --only TEXT]`: the properties of hostile guests for much longer than the
// unit tests have them: a million generated cases each, or as many as fit into the seconds. A failure prints its seed.
import { parseArgs } from "node:util";
import { environment, run } from "./setup.mjs";

const number = (value, name) => {
  if (!/^-?\d+$/.test(value)) throw new Error(`--${name} ${value}: a whole number is needed`);
  return value;
};

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "1000000" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
    seconds: { type: "string", default: "600" },
    only: { type: "string" },
  },
});
const env = { ...environment };
for (const name of ["runs", "seed", "seconds"]) env[`KATA_TS_FUZZ_${name.toUpperCase()}`] = number(values[name], name);

run(process.execPath, ["tools/build.mjs", "--if-changed"]);
console.log(`seed ${values.seed}: each up to ${values.runs} runs or ${values.seconds} s`);
const only = values.only === undefined ? [] : ["--grep", values.only];
const args = [
  "--no-config",
  "--forbid-only",
  "--exit",
  "--timeout",
  "0",
  "--recursive",
  ...only,
  "dist/test/fuzz/**/*.test.js",
];
run(process.execPath, ["node_modules/mocha/bin/mocha.js", ...args], { env });
