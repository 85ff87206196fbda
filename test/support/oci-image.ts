import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeBusyboxRootfs } from "./rootfs.js";

/** What an image is besides the distribution's busybox. */
export interface ImageParts {
  readonly name: string;
  /** Its configuration, in the words of the image specification. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Changes its root file system, given as a directory. */
  readonly change?: (rootfs: string) => void;
}

const media = "application/vnd.oci.image";
const digest = (data: Buffer): string => `sha256:${createHash("sha256").update(data).digest("hex")}`;

function tar(from: string): Buffer {
  const { stdout, status, stderr } = spawnSync("tar", ["-C", from, "--numeric-owner", "-cf", "-", "."], {
    maxBuffer: 64 << 20,
  });
  if (status !== 0) throw new Error(`tar: ${stderr.toString("utf8")}`);
  return stdout;
}

/** Writes an OCI image of the distribution's busybox below `directory`, as an archive that `ctr image import` takes. */
export function writeImage(directory: string, { name, config, change }: ImageParts): string {
  const place = mkdtempSync(join(directory, "image-"));
  const [rootfs, image] = [join(place, "rootfs"), join(place, "image")];
  const blobs = join(image, "blobs", "sha256");
  mkdirSync(rootfs);
  mkdirSync(blobs, { recursive: true });
  makeBusyboxRootfs(rootfs);
  change?.(rootfs);
  const blob = (data: Buffer): { digest: string; size: number } => {
    writeFileSync(join(blobs, digest(data).slice("sha256:".length)), data);
    return { digest: digest(data), size: data.length };
  };
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const layer = tar(rootfs);
  const configuration = json({
    architecture: "amd64",
    os: "linux",
    config: { Env: ["PATH=/bin"], Cmd: ["sh"], ...config },
    rootfs: { type: "layers", diff_ids: [digest(layer)] },
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: `${media}.manifest.v1+json`,
    config: { mediaType: `${media}.config.v1+json`, ...blob(configuration) },
    layers: [{ mediaType: `${media}.layer.v1.tar`, ...blob(layer) }],
  });
  const annotations = { "io.containerd.image.name": name };
  const index = {
    schemaVersion: 2,
    manifests: [{ mediaType: `${media}.manifest.v1+json`, ...blob(manifest), annotations }],
  };
  writeFileSync(join(image, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(image, "index.json"), json(index));
  const archive = `${place}.tar`;
  writeFileSync(archive, tar(image));
  rmSync(place, { recursive: true });
  return archive;
}
