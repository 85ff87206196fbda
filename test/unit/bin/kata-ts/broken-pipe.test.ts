import { expect } from "chai";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { projectDirectory } from "../../../support/project.js";

describe("kata-ts, whose output nobody reads to its end", () => {
  it("ends as other programs do, without a word", async () => {
    const program = join(projectDirectory(), "dist/src/bin/kata-ts/main.js");
    const child = spawn(process.execPath, [program, "config", "--template"], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.destroy();
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
    const [code] = (await once(child, "close")) as [number | null];
    expect({ code, said }).to.deep.equal({ code: 141, said: "" });
  });
});
