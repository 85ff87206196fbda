import { mkdtempSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import {
  type PacketFilterTools,
  readPacketFilter,
  writePacketFilter,
} from "../../../../../guest/agent/network/packet-filter.js";
import type { ProgramRun } from "../../../../../guest/agent/programs.js";
import { codeOf, messageOf } from "../../../../../src/core/errors/error.js";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";

describe("the packet filter", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "packet-filter-"));
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  /** A guest in which a program of iptables does what `act` does; it is there when it is `named`. */
  function guest(act: (run: ProgramRun) => void, named: string): PacketFilterTools {
    writeFileSync(join(directory, named), "");
    const run = async (one: ProgramRun) => act(one);
    return { sys: createLinuxSys(), programs: { run }, places: ["/nowhere", directory] };
  }

  const failure = async (act: Promise<unknown>): Promise<unknown> =>
    act.then(
      () => expect.fail("it was not refused"),
      (error: unknown) => error,
    );

  it("is told as the program prints it", async () => {
    const tools = guest(({ stdio }) => writeSync(stdio?.[1] ?? -1, "*filter\n"), "ip6tables-save");
    expect(Buffer.from(await readPacketFilter(tools, true)).toString()).to.equal("*filter\n");
  });

  it("is set by what the program reads from its beginning", async () => {
    let read = "";
    const act = ({ args, stdio }: ProgramRun) => {
      expect(args).to.deep.equal(["/proc/self/fd/0"]);
      read = readFileSync(`/proc/self/fd/${stdio?.[0]}`, "utf8");
    };
    await writePacketFilter(guest(act, "iptables-restore"), false, Buffer.from("*nat\nCOMMIT\n"));
    expect(read).to.equal("*nat\nCOMMIT\n");
  });

  it("is not told when there is too much of it", async () => {
    const rules = Buffer.alloc(2 * 1024 * 1024 + 1);
    const tools = guest(({ stdio }) => writeSync(stdio?.[1] ?? -1, rules), "iptables-save");
    const error = await failure(readPacketFilter(tools, false));
    expect(codeOf(error)).to.equal("KATA_GUEST_RULES_SIZE");
    expect(messageOf(error)).to.match(/iptables-save prints 2097153 bytes, and an answer has room for 2097152/);
    expect(codeOf(await failure(writePacketFilter(tools, false, rules)))).to.equal("KATA_GUEST_ARGUMENT");
  });

  it("is refused in the program's words, with the cause", async () => {
    const cause = new Error("it failed with code 2");
    const act = ({ stdio }: ProgramRun) => {
      writeSync(stdio?.[2] ?? -1, "line 2 failed\n");
      throw cause;
    };
    const set = await failure(writePacketFilter(guest(act, "iptables-restore"), false, Buffer.from("x")));
    expect([codeOf(set), (set as Error).cause]).to.deep.equal(["KATA_GUEST_IPTABLES", cause]);
    expect(messageOf(set)).to.match(/iptables-restore refuses the rules: line 2 failed$/);
    const told = await failure(readPacketFilter(guest(act, "iptables-save"), false));
    expect([codeOf(told), (told as Error).cause]).to.deep.equal(["KATA_GUEST_PROGRAM", cause]);
    expect(messageOf(told)).to.match(/iptables-save does not tell the rules: line 2 failed$/);
  });

  it("is missing from an image without iptables", async () => {
    const tools = guest(() => undefined, "iptables-save");
    const error = await failure(readPacketFilter(tools, true));
    expect(codeOf(error)).to.equal("KATA_GUEST_NO_IPTABLES");
    expect(messageOf(error)).to.equal("the guest's image has no ip6tables-save");
  });
});
