import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { whyNoSystemdHost, SystemdHost } from "../../support/systemd-host/systemd-host.js";
import { skip } from "../../support/skip.js";

/** Specs that are run inside, on a host that systemd runs. */
const inside = ["scopes", "sandboxes"];

const root = fileURLToPath(new URL("../../../../", import.meta.url));

describe("on a host that systemd runs", () => {
  let host: SystemdHost | undefined;

  before("boot systemd", async function () {
    const problem = whyNoSystemdHost();
    if (problem !== undefined) skip(this, problem);
    host = await SystemdHost.start();
  });

  after("end systemd", () => host?.close());

  for (const name of inside) {
    // They are told one by one in what this one prints.
    it(`all tests of ${name} pass`, function () {
      this.timeout(1_200_000);
      const mocha = `${root}node_modules/mocha/bin/mocha.js`;
      const spec = fileURLToPath(new URL(`inside/${name}.js`, import.meta.url));
      const options = ["--no-config", "--exit", "--timeout", "400000", "--reporter", "dot"];
      const env = { PATH: process.env["PATH"] ?? "", ...ofTests() };
      const status = host?.run([process.execPath, mocha, ...options, spec], env);
      expect(status, host?.console().slice(-3000) ?? "").to.equal(0);
    });
  }
});

/** What of the environment tells tests where they are. */
function ofTests(): Record<string, string> {
  const own = Object.entries(process.env).filter(([name]) => name === "KATA_TS_HOST_VM" || name === "TMPDIR");
  return Object.fromEntries(own.map(([name, value]) => [name, value ?? ""]));
}
