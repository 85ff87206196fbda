import { type FileHandle, open, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";

/** See `Files.syncDirectory`. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function fill(file: FileHandle, data: string | Uint8Array, mode: number): Promise<void> {
  try {
    await file.chmod(mode);
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** See `Files.writeFileAtomic`. */
export async function writeFileAtomic(path: string, data: string | Uint8Array, mode = 0o600): Promise<void> {
  const temporary = `${path}.${process.pid}-${process.hrtime.bigint().toString(36)}`;
  const file = await open(temporary, "wx", 0o600);
  try {
    await fill(file, data, mode);
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary);
    throw error;
  }
  await syncDirectory(dirname(path));
}
