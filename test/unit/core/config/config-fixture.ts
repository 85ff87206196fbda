import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { EffectiveConfig } from "../../../../src/core/config/effective.js";
import { type LoadOptions, loadConfig } from "../../../../src/core/config/load.js";
import { KataError } from "../../../../src/core/errors/error.js";
import type { Installed } from "./kata-texts.js";

/** A directory with a configuration file in it and the programs and images that Kata's files name. */
export class ConfigFixture {
  readonly directory = realpathSync(mkdtempSync(join(tmpdir(), "kata-ts-config-")));
  readonly file = join(this.directory, "configuration.toml");
  readonly installed: Installed = {
    kernel: this.write("share/vmlinux", "kernel"),
    image: this.write("share/kata.img", "image"),
    qemu: this.write("bin/qemu", "#!"),
    virtiofsd: this.write("bin/virtiofsd", "#!"),
  };

  constructor() {
    chmodSync(this.installed.qemu, 0o755);
    chmodSync(this.installed.virtiofsd, 0o755);
  }

  /** Writes a file below the directory and gives its path. */
  write(name: string, text: string | Uint8Array): string {
    const path = join(this.directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  /** Loads a text as the configuration file, on a host of 8 CPUs and 16 GiB. */
  async load(text: string, options: LoadOptions = {}): Promise<EffectiveConfig> {
    this.write("configuration.toml", text);
    return loadConfig({ path: this.file, host: { cpus: 8, memoryMiB: 16384 }, env: {}, ...options });
  }

  /** The error of a text that does not load. */
  async refusal(text: string, options: LoadOptions = {}): Promise<KataError> {
    return refusalOf(this.load(text, options));
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }
}

/** The error that a promise is rejected with. */
export async function refusalOf(promise: Promise<unknown>): Promise<KataError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof KataError) return error;
    throw error;
  }
  throw new Error("it was taken");
}
