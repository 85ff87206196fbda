import { expect } from "chai";
import { once } from "node:events";
import { deprecatedExport, DeprecationLog } from "../../../src/core/deprecation.js";

const going = { since: "1.2.0", removal: "2.0.0", hint: "use bar" };

describe("what is to go", () => {
  it("is said once of each place it is used at", () => {
    const said: string[] = [];
    const log = new DeprecationLog((text) => said.push(text));
    const use = { ...going, what: "the key runtime.foo", where: "/etc/x.toml:3" };
    log.note([use, use]);
    log.note([use, { ...use, where: "/etc/x.toml:9" }]);
    expect(said).to.deep.equal([
      "the key runtime.foo (/etc/x.toml:3) is deprecated since version 1.2.0 and will be gone in 2.0.0; use bar",
      "the key runtime.foo (/etc/x.toml:9) is deprecated since version 1.2.0 and will be gone in 2.0.0; use bar",
    ]);
  });

  it("is a warning of Node's at the first call of an export, which works as it did", async () => {
    const seen: Error[] = [];
    const listen = (warning: Error) => void (warning.name === "DeprecationWarning" && seen.push(warning));
    process.on("warning", listen);
    try {
      const foo = deprecatedExport("foo", going, (a: number, b: string) => `${a}${b}`);
      const warned = once(process, "warning");
      expect([foo(1, "a"), foo(2, "b")]).to.deep.equal(["1a", "2b"]);
      await warned;
      expect(seen.map(({ message }) => message)).to.deep.equal([
        "foo of kata-ts is deprecated since version 1.2.0 and will be gone in 2.0.0; use bar",
      ]);
    } finally {
      process.off("warning", listen);
    }
  });
});
