// `npm run reference`: writes what is generated from the code anew: docs/configuration.md, docs/errors.md, docs/plugins, the
// templates and the schema of the configuration, the reports of the public API. Tests compare all of it.
import { environment, root, run } from "./setup.mjs";

run(process.execPath, ["tools/build.mjs", "--if-changed"]);
const specs = ["unit/core/config/reference", "unit/reference/**/*", "integration/package/api"];
const args = ["node_modules/mocha/bin/mocha.js", "--no-config", "--exit", "--timeout", "120000"];
run(process.execPath, [...args, ...specs.map((spec) => `dist/test/${spec}.test.js`)], {
  cwd: root,
  env: { ...environment, KATA_TS_WRITE_REFERENCE: "1" },
});
