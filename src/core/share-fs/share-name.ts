import { shareErrors } from "./errors.js";

const partLimit = 255;

/** Refuses with `KATA_SHARE_NAME` a name that is not made of plain parts: `<container id>/rootfs` is. */
export function checkShareName(name: string): void {
  const fail = (problem: string): never => {
    throw shareErrors.KATA_SHARE_NAME({ name: name.slice(0, partLimit), problem });
  };
  for (const part of name.split("/")) {
    if (part === "") fail("a part of the name is empty");
    if (part === "." || part === "..") fail(`"${part}" is not a name`);
    if (part.includes("\0")) fail("it holds a zero byte");
    if (Buffer.byteLength(part) > partLimit) fail(`a part is longer than ${partLimit} bytes`);
  }
}
