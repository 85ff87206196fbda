import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { codeOf } from "../../../../src/core/errors/error.js";
import { isRunning, identityOf } from "../../../../src/core/process/identity.js";
import { Busctl } from "../../../../src/core/systemd/bus-client.js";

describe("Busctl", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "kata-ts-busctl-"));
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  /** A client whose `busctl` is this script. */
  const client = (script: string, answerMs = 20_000): Busctl => {
    const program = join(directory, "busctl");
    writeFileSync(program, `#!/bin/sh\n${script}\n`);
    chmodSync(program, 0o755);
    return new Busctl({ searchPath: `${directory}:/usr/bin:/bin`, answerMs });
  };
  const failure = (act: Promise<unknown>): Promise<Error> =>
    act.then(
      () => expect.fail("nothing was thrown"),
      (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
    );

  it("calls with words that can be no options, and in a neutral language", async () => {
    const seen = join(directory, "seen");
    await client(`printf '%s\\n' "$LC_ALL" "$@" >${seen}`).call("StopUnit", "ss", "-x.scope", "replace");
    const words = readFileSync(seen, "utf8").trimEnd().split("\n");
    expect(words.slice(0, 3)).to.deep.equal(["C", "--system", "--json=short"]);
    const manager = "org.freedesktop.systemd1.Manager";
    expect(words.slice(words.indexOf("--"))).to.deep.equal(
      `-- call org.freedesktop.systemd1 /org/freedesktop/systemd1 ${manager} StopUnit ss -x.scope replace`.split(" "),
    );
  });

  it("reads properties in order", async () => {
    const one = client(`printf '%s\\n' '{"type":"s","data":"a\\nb"}' '{"type":"(uo)","data":[0,"/"]}'`);
    expect(await one.properties("x.scope", "Unit", ["A", "B"])).to.deep.equal(["a\nb", [0, "/"]]);
  });

  for (const [what, script] of [
    ["what is no JSON", "echo nonsense"],
    ["fewer values than were asked for", `echo '{"type":"s","data":"a"}' | head -c 0`],
    ["no value", "echo 12"],
  ] as const) {
    it(`does not take ${what} for an answer`, async () => {
      const error = await failure(client(script).properties("x.scope", "Unit", ["A"]));
      expect(codeOf(error)).to.equal("KATA_SYSTEMD_ANSWER");
      expect(error.message).to.include("A of the unit x.scope");
    });
  }

  it("says what systemd said, made harmless", async () => {
    const script = `printf 'Call failed: Unit x.scope \\033[31mis\\033[0m not loaded.\\n' >&2; exit 1`;
    const error = await failure(client(script).call("StopUnit", "ss", "x.scope", "replace"));
    expect(codeOf(error)).to.equal("KATA_SYSTEMD_REFUSED");
    expect(error.message).to.equal("systemd was asked for StopUnit x.scope and said: Unit x.scope is not loaded.");
  });

  it("does not wait longer than it may, and leaves no process", async () => {
    const pidFile = join(directory, "pid");
    const error = await failure(client(`echo $$ >${pidFile}; exec sleep 1000`, 300).call("Reload", ""));
    expect(codeOf(error)).to.equal("KATA_DEADLINE");
    expect(error.message).to.include("waited 300 ms for systemd to answer Reload");
    const identity = identityOf(Number(readFileSync(pidFile, "utf8")));
    for (let looks = 0; looks < 500 && identity !== undefined && isRunning(identity); looks++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(identity !== undefined && isRunning(identity)).to.equal(false);
  });

  it("says what is missing where there is no busctl", async () => {
    const error = await failure(new Busctl({ searchPath: directory }).call("Reload", ""));
    expect(codeOf(error)).to.equal("KATA_CGROUP_SYSTEMD");
    expect(error.message).to.include(directory);
  });
});
