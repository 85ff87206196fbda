import { realpathSync } from "node:fs";
import { dirname } from "node:path";
import type { KataError } from "../errors/error.js";
import { configErrors } from "./errors.js";
import { matchesGlob } from "./glob.js";
import { replaceKernelParams, splitKernelParams } from "./kernel-params.js";
import type { AnnotationRow } from "./keys/annotation-keys.js";
import type { KeyRow } from "./keys/key.js";
import { parseMebibytes } from "./memory-size.js";
import type { ConfigNode, TomlScalar } from "./node.js";
import { nodeOf, placeOf } from "./plain-node.js";
import type { Source } from "./source.js";

/** Longest path the kernel takes, in bytes. */
const longestPath = 4095;

/** The table an annotation is for, as it is without it. */
export interface AnnotationTarget {
  readonly row: KeyRow;
  readonly values: Readonly<Record<string, unknown>>;
  /** Directories in which kernels and images may lie, besides that of the configured one. */
  readonly imageDirectories: readonly string[];
}

/** The error of an annotation whose value cannot be used. Long values are cut. */
export function valueError({ name, text }: Source, problem: string): KataError {
  const value = JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
  return configErrors.KATA_CONFIG_ANNOTATION_VALUE({ name, value, problem });
}

function scalarOf(row: KeyRow, source: Source): TomlScalar {
  const { text } = source;
  switch (row.type) {
    case "boolean":
      if (text === "true" || text === "false") return text === "true";
      throw valueError(source, "is neither true nor false");
    case "integer":
    case "big integer": {
      if (!/^-?\d{1,19}$/.test(text)) throw valueError(source, "is not a whole number");
      const value = BigInt(text);
      return Number.isSafeInteger(Number(value)) ? Number(value) : value;
    }
    case "number":
      if (!/^-?\d{1,15}(?:\.\d{1,15})?$/.test(text)) throw valueError(source, "is not a number");
      return Number(text);
    default:
      return text;
  }
}

/** The path, when it is absolute and goes straight to where it says. */
function straightPath(source: Source): string {
  const { text } = source;
  if (!text.startsWith("/")) throw valueError(source, "is not an absolute path");
  if (Buffer.byteLength(text) > longestPath) throw valueError(source, `is longer than ${longestPath} bytes`);
  if (text.split("/").some((part) => part === ".." || part === ".")) {
    throw valueError(source, 'is a path with "." or ".." in it');
  }
  return text;
}

function realpathOr(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** The file behind the path, when it lies where the host keeps such files. */
function besideConfigured(source: Source, configured: unknown, directories: readonly string[]): string {
  const real = realpathOr(straightPath(source));
  if (real === undefined) throw valueError(source, "is a file that does not exist");
  const own = typeof configured === "string" && configured !== "" ? [dirname(configured)] : [];
  const allowed = [...own, ...directories];
  if (allowed.some((directory) => realpathOr(directory) === dirname(real))) return real;
  throw valueError(source, `is the file ${real}, which is in none of ${allowed.join(", ")}`);
}

/** The parameters of an annotation, free of what would make one more than it looks. */
export function annotationKernelParams(source: Source): string[] {
  if (!/^[\t\n\x20\x21\x23-\x7e]*$/.test(source.text))
    throw valueError(source, "has a quote or what is not ASCII in it");
  const params = splitKernelParams(source.text);
  if (params.includes("--")) throw valueError(source, 'has "--", after which all is for the init program');
  return params;
}

/** What an annotation's text is for its key: a node whose place is the annotation. */
export function annotationNode(annotation: AnnotationRow, source: Source, target: AnnotationTarget): ConfigNode {
  const { row, values } = target;
  const current = values[annotation.key];
  const place = placeOf(source);
  if (annotation.size) {
    const mebibytes = parseMebibytes(source.text);
    if (mebibytes === undefined) throw valueError(source, "is not a size: 2048 (in MiB), 2GiB, 512Mi");
    return nodeOf(mebibytes, place);
  }
  if (annotation.append) {
    const items = source.text.split(annotation.append).map((item) => item.trim());
    return nodeOf([...(Array.isArray(current) ? current : []), ...items.filter((item) => item !== "")], place);
  }
  if (annotation.kernelParams) {
    return nodeOf(replaceKernelParams(String(current), annotationKernelParams(source)), place);
  }
  if (annotation.json) {
    try {
      return nodeOf(JSON.parse(source.text), place);
    } catch {
      throw valueError(source, "is not JSON");
    }
  }
  if (annotation.within !== undefined) {
    const path = straightPath(source);
    const patterns = values[annotation.within];
    if (Array.isArray(patterns) && patterns.some((one) => matchesGlob(String(one), path))) return nodeOf(path, place);
    throw valueError(source, `fits no pattern of ${annotation.within} (${JSON.stringify(patterns)})`);
  }
  if (annotation.besideConfigured) {
    return nodeOf(besideConfigured(source, current, target.imageDirectories), place);
  }
  return nodeOf(scalarOf(row, source), place);
}
