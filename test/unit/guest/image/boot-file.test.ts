import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { agentDirectory, bootFile, compileAgent } from "../../../../guest/image/boot-file.js";
import { initScript } from "../../../../guest/image/init-script.js";
import { rejection, temporaryDirectory } from "./temporary-directory.js";

const bundle = `
const inner = () => "ran in " + __dirname + " as " + module.id + " with " + typeof require("node:fs").readFileSync;
console.log(inner());
`;

/** What the guest's node has of its environment. */
const env = { PATH: process.env["PATH"] ?? "" };

describe("the guest's boot file", () => {
  const directory = temporaryDirectory();

  async function compiled(): Promise<Buffer> {
    writeFileSync(join(directory.path, "agent.cjs"), bundle);
    return compileAgent(process.execPath, join(directory.path, "agent.cjs"));
  }

  /** Runs it as a guest would, but with the agent in the test's directory. */
  function boot(more = ""): string {
    const script = join(directory.path, "init");
    writeFileSync(script, bootFile.replaceAll(agentDirectory, directory.path) + more);
    return execFileSync(process.execPath, [script], { encoding: "utf8", env });
  }

  it("runs the agent as a module, with its cache, without one, and with a useless one", async () => {
    const cache = await compiled();
    const said = `ran in ${directory.path} as . with function\n`;
    expect(boot()).to.equal(said);
    writeFileSync(join(directory.path, "agent.cjs.cache"), cache);
    expect(boot("console.log(script.cachedDataRejected);")).to.equal(`${said}false\n`);
    writeFileSync(join(directory.path, "agent.cjs.cache"), "nonsense");
    expect(boot("console.log(script.cachedDataRejected);")).to.equal(`${said}true\n`);
  });

  it("gets the same cache from the same bundle", async () => {
    const first = await compiled();
    const second = await compiled();
    expect(first.equals(second)).to.equal(true);
  });

  it("is not made of a bundle that does not compile", async () => {
    const path = join(directory.path, "agent.cjs");
    writeFileSync(path, "const = 1");
    const error = await rejection(compileAgent(process.execPath, path));
    expect(error).to.have.property("code", "KATA_GUEST_IMAGE_COMMAND");
    expect(error).to.have.property("message").that.includes("SyntaxError");
  });
});

describe("the initrd's init", () => {
  it("is a script the shell can read", () => {
    execFileSync("sh", ["-n"], { input: initScript });
  });
});
