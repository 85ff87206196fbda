import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const program = "/usr/bin/iasl";

/** Why tables cannot be read by ACPI's own compiler here; undefined when they can. */
export function noIasl(): string | undefined {
  return existsSync(program) ? undefined : `there is no ${program}: install Debian's acpica-tools`;
}

/** What ACPI's own tools make of a table. */
export interface IaslReading {
  /** The source that the table was made back into. */
  readonly source: string;
  /** The table that this source makes, without its header, which names the compiler. */
  readonly compiled: Buffer;
  /** What both said. */
  readonly output: string;
}

const headerSize = 36;

/** Has a table taken apart, and what came of it compiled again. */
export function readWithIasl(table: Uint8Array): IaslReading {
  const directory = mkdtempSync(join(tmpdir(), "iasl-"));
  try {
    const run = (...args: string[]): string =>
      execFileSync(program, args, { cwd: directory, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    writeFileSync(join(directory, "table.aml"), table);
    const apart = run("-d", "table.aml");
    const source = readFileSync(join(directory, "table.dsl"), "utf8");
    // Without optimizing names, and with all warnings.
    const again = run("-oa", "-w3", "-p", "again", "table.dsl");
    const compiled = readFileSync(join(directory, "again.aml")).subarray(headerSize);
    return { source, compiled, output: `${apart}\n${again}` };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
