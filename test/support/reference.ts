import { expect } from "chai";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { projectDirectory } from "./project.js";

/** Whether what is generated is to be written instead of compared: `npm run reference`. */
export const isWriting = process.env["KATA_TS_WRITE_REFERENCE"] !== undefined;

/**
 * Compares a committed file, by its path from the project's directory, with what it is generated from; the difference is the
 * test's failure, and says how to renew the file.
 */
export function expectFresh(file: string, expected: string): void {
  const path = join(projectDirectory(), file);
  if (isWriting) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, expected);
    return;
  }
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  expect(text, `${file} is not what it is generated from; "npm run reference" renews it`).to.equal(expected);
}
