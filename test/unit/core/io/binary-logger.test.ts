import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect } from "chai";
import { BinaryLogger } from "../../../../src/core/io/binary-logger.js";
import { silentLogger } from "../../../../src/core/log.js";
import { isRunning, identityOf } from "../../../../src/core/process/identity.js";
import { sys, until, workspace } from "./fixture.js";

describe("BinaryLogger", () => {
  let work: ReturnType<typeof workspace>;
  const patience = { readyMs: 5000, endMs: 5000 };

  beforeEach(() => {
    work = workspace();
  });

  afterEach(() => work.remove());

  const start = (script: string, args: string[] = [], allowed = patience): Promise<BinaryLogger> => {
    const path = work.path("logger");
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
    const directory = work.path(".");
    return BinaryLogger.start({
      path,
      args,
      id: "c1",
      namespace: "n1",
      directory,
      sys,
      log: silentLogger,
      patience: allowed,
    });
  };
  const failureOf = (starting: Promise<unknown>): Promise<unknown> => starting.catch((error: unknown) => error);

  it("gives it stdout as 3, stderr as 4, tells it the id and the namespace, and waits for its end", async () => {
    const out = work.path("out");
    const logger = await start(
      `exec 5>&-; env | grep CONTAINER > ${out}.env; echo "$@" > ${out}.args; cat <&3 > ${out}.1; cat <&4 > ${out}.2`,
      ["k", "v w"],
    );
    await logger.stdout.write(Buffer.from("to stdout"));
    await logger.stderr.write(Buffer.from("to stderr"));
    await Promise.all([logger.stdout.close(), logger.stderr.close()]);
    expect(readFileSync(`${out}.1`, "utf8")).to.equal("to stdout");
    expect(readFileSync(`${out}.2`, "utf8")).to.equal("to stderr");
    expect(readFileSync(`${out}.env`, "utf8").split("\n").sort().join(" ").trim()).to.equal(
      "CONTAINER_ID=c1 CONTAINER_NAMESPACE=n1",
    );
    expect(readFileSync(`${out}.args`, "utf8")).to.equal("k v w\n");
  });

  it("gives it pipes, which it can open again by /dev/fd", async () => {
    const out = work.path("out");
    const logger = await start(`echo -n x >&5; cat /dev/fd/3 > ${out}`);
    await logger.stdout.write(Buffer.from("reopened"));
    await until("the logger to read", () => existsSync(out) && readFileSync(out, "utf8") === "reopened");
    await logger.close();
    expect(readdirSync(work.path(".")).sort()).to.deep.equal(["logger", "out"]);
  });

  it("holds output back while the logger does not read", async () => {
    const go = work.path("go");
    const logger = await start(`exec 5>&-; while [ ! -e ${go} ]; do sleep 0.02; done; cat <&3 > /dev/null`);
    let written = 0;
    const chunk = Buffer.alloc(65_536);
    const writing = (async () => {
      for (; written < 4; written++) await logger.stdout.write(chunk);
    })();
    await until("the first chunk", () => written === 1);
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(written).to.equal(1);
    writeFileSync(go, "");
    await writing;
    await logger.close();
  });

  it("does not wait longer than allowed for it to be ready, and ends it", async () => {
    const pidFile = work.path("pid");
    const error = await failureOf(
      start(`echo $$ > ${pidFile}; echo "still thinking" >&2; exec sleep 60`, [], { readyMs: 1500, endMs: 1 }),
    );
    expect(error).to.have.property("code", "KATA_IO_LOGGER_NOT_READY");
    expect(error).to.have.property("message").that.includes("still thinking");
    expect(existsSync(`/proc/${readFileSync(pidFile, "utf8").trim()}/cmdline`)).to.equal(false);
  });

  it("reports one that ends before it is ready, with its words", async () => {
    const error = await failureOf(start(`echo "no such bucket" >&2; exit 3`));
    expect(error).to.have.property("code", "KATA_IO_LOGGER_ENDED");
    expect(error).to.have.property("message").that.includes("exit code 3").and.includes("no such bucket");
  });

  it("ends one that does not end with its input: SIGTERM, then SIGKILL", async () => {
    const pidFile = work.path("pid");
    const logger = await start(`trap '' TERM; echo $$ > ${pidFile}; exec 5>&-; while :; do sleep 0.05; done`, [], {
      readyMs: 5000,
      endMs: 100,
    });
    const identity = identityOf(Number(readFileSync(pidFile, "utf8")));
    if (identity === undefined) throw new Error("the logger does not run");
    await logger.close();
    expect(isRunning(identity)).to.equal(false);
  });

  it("fails writes when it has died, and can still be closed", async () => {
    const logger = await start("exec 5>&-; exit 0");
    let error: unknown;
    await until("a write to fail", () => {
      void logger.stdout.write(Buffer.from("x")).catch((cause: unknown) => (error = cause));
      return error !== undefined;
    });
    expect(error).to.have.property("code", "EPIPE");
    await logger.close();
  });

  it("runs nothing that others can change", async () => {
    const path = work.path("weak");
    const proof = work.path("proof");
    writeFileSync(path, `#!/bin/sh\ntouch ${proof}\n`);
    chmodSync(path, 0o777);
    const error = await failureOf(
      BinaryLogger.start({
        path,
        args: [],
        id: "c",
        namespace: "n",
        directory: work.path("."),
        sys,
        log: silentLogger,
      }),
    );
    expect(error).to.have.property("code", "KATA_IO_LOGGER_UNTRUSTED");
    expect(existsSync(proof)).to.equal(false);
  });

  it("leaves no descriptor open when the program cannot be run", async () => {
    const open = (): number => readdirSync("/proc/self/fd").length;
    const path = work.path("logger");
    writeFileSync(path, "#!/none/at/all\n");
    chmodSync(path, 0o755);
    const request = { path, args: [], id: "c", namespace: "n", directory: work.path("."), sys, log: silentLogger };
    const before = open();
    const error = await failureOf(BinaryLogger.start(request));
    expect(error).to.have.property("code", "KATA_PROCESS_SPAWN");
    await until("the descriptors to be closed", () => open() <= before);
  });
});
