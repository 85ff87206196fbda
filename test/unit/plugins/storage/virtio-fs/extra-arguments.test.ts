import { expect } from "chai";
import fc from "fast-check";
import { daemonArguments, type DaemonCommand } from "../../../../../src/plugins/storage/virtio-fs/command-line.js";
import { parseExtraArguments } from "../../../../../src/plugins/storage/virtio-fs/extra-arguments.js";

const command = (extra: readonly string[], flavour: "c" | "rust" = "c", more: Partial<DaemonCommand> = {}): string[] =>
  daemonArguments({
    flavour,
    fd: 3,
    source: "/run/kata-ts/shared/default@s/view",
    sandbox: "namespace",
    cache: "auto",
    extra: parseExtraArguments(extra).options,
    where: "/etc/kata.toml:12",
    ...more,
  });

const cBase = ["-f", "--fd=3", "-o", "source=/run/kata-ts/shared/default@s/view", "-o", "sandbox=namespace"];
const rustBase = [
  "--fd=3",
  "--shared-dir",
  "/run/kata-ts/shared/default@s/view",
  "--sandbox",
  "namespace",
  "--seccomp",
  "kill",
];

describe("the command line of virtiofsd", () => {
  it("is sandboxed and takes a listening descriptor, in both languages", () => {
    expect(command([])).to.deep.equal([...cBase, "-o", "cache=auto"]);
    expect(command([], "rust")).to.deep.equal([...rustBase, "--cache=auto"]);
    expect(command([], "c", { sandbox: "chroot", cache: "never" })).to.include.members([
      "sandbox=chroot",
      "cache=none",
    ]);
    expect(command([], "rust", { sandbox: "chroot", cache: "never" })).to.include.members(["chroot", "--cache=never"]);
  });

  it("translates Kata's usual extra arguments for both", () => {
    const usual = ["--thread-pool-size=1", "-o", "announce_submounts"];
    expect(command(usual).slice(cBase.length)).to.deep.equal([
      "-o",
      "cache=auto",
      "--thread-pool-size=1",
      "-o",
      "announce_submounts",
    ]);
    expect(command(usual, "rust").slice(rustBase.length)).to.deep.equal([
      "--cache=auto",
      "--thread-pool-size=1",
      "--announce-submounts",
    ]);
  });

  it("knows every way of writing an argument", () => {
    for (const extra of [
      ["-o xattr,cache=always"],
      ["-oxattr", "-o", "cache=always"],
      ["--xattr", "--cache", "always"],
      ["--xattr --cache=always"],
    ])
      expect(command(extra).slice(cBase.length), extra.join(" ")).to.deep.equal(["-o", "xattr", "-o", "cache=always"]);
    expect(command(["-d"], "rust")).to.include("--log-level=debug");
    expect(command(["-o", "log_level=err"], "rust")).to.include("--log-level=error");
  });

  it("says which of the two a harmless argument is not for, and where it is written", () => {
    expect(() => command(["-o", "timeout=3"], "rust"))
      .to.throw(/toml:12.*"-o timeout=3".*Rust/)
      .with.property("code", "KATA_VIRTIOFS_ARGUMENT");
    expect(() => command(["--allow-mmap"])).to.throw(/"--allow-mmap".* C,/);
  });

  it("refuses a shared directory that C could not be told", () => {
    expect(() => command([], "c", { source: "/a,sandbox=none" }))
      .to.throw()
      .with.property("code", "KATA_VIRTIOFS_SOURCE");
  });
});

describe("virtio_fs_extra_args", () => {
  for (const args of [
    ["-o", "source=/"],
    ["-osource=/"],
    ["-o source=/"],
    ["-o", "xattr,source=/"],
    ["--shared-dir=/"],
    ["--shared-dir", "/"],
    ["--sandbox=none"],
    ["--sandbox", "none"],
    ["-o", "sandbox=chroot"],
    ["--seccomp=none"],
    ["--socket-path=/tmp/x"],
    ["--socket_path=/tmp/x"],
    ["--socket-group=x"],
    ["--fd=0"],
    ["-o", "modcaps=+sys_admin"],
    ["--modcaps=+sys_admin"],
    ["-o", "allow_root"],
    ["--uid-map=:0:0:1:"],
    ["--xattrmap=x"],
    ["-o", "xattrmap=x"],
    ["--daemonize"],
    ["--syslog"],
    ["--print-capabilities"],
    ["--tag=x"],
    ["--constructor"],
    ["--__proto__"],
    ["--"],
    ["-"],
    ["word"],
    ["-o"],
    ["-o", "="],
  ])
    it(`refuses ${args.join(" ")}`, () => {
      const { complaints } = parseExtraArguments(args);
      expect(complaints).not.to.have.length(0);
      expect(complaints[0]?.problem).to.include("thread-pool-size");
    });

  for (const [args, problem] of [
    [["--thread-pool-size=many"], /"many".*a number/],
    [["--thread-pool-size"], /a number/],
    [["--cache=sometimes"], /none, never, auto/],
    [["--xattr=yes"], /takes no value/],
    [["--log-level=info\n--sandbox=none"], /harmless/],
    [["--log-level=off"], /it takes/],
  ] as const)
    it(`finds the value wrong in ${JSON.stringify(args[0])}`, () => {
      expect(
        parseExtraArguments(args)
          .complaints.map((one) => one.problem)
          .join(),
      ).to.match(problem);
    });

  it("never lets anything through that touches the sandbox or what is shared, whatever it is made of", () => {
    const word = fc.oneof(
      fc.string(),
      fc.constantFrom("-o", "-d", "--", "=", ",", "none", "sandbox=none", "--sandbox", "--sandbox=none", "source=/"),
      fc.constantFrom(
        "--seccomp=none",
        "xattr",
        "--xattr",
        "--cache",
        "--cache=auto",
        "-oxattr,sandbox=none",
        "-o=source=/",
      ),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), fc.constantFrom("c" as const, "rust" as const), (args, flavour) => {
        const { options, complaints } = parseExtraArguments(args);
        let line: string[];
        try {
          line = command(complaints.length > 0 ? [] : args, flavour);
        } catch {
          return;
        }
        expect(
          options.every((option) => /^[a-z0-9-]+$/.test(option.name) && /^[a-z0-9-]*$/.test(option.value)),
        ).to.equal(true);
        const text = line.join(" ");
        expect(text.match(/sandbox/g)).to.have.length(1);
        expect(text).not.to.match(/sandbox[ =]none|seccomp[ =]none|source=\/(?!run)/);
      }),
    );
  });
});
