import { ioErrors } from "./errors.js";

/** The streams of a process. */
export type StdioStream = "stdin" | "stdout" | "stderr";

/** What containerd's text for a stream means. */
export type StdioTarget =
  | { readonly kind: "none" }
  | { readonly kind: "fifo"; readonly path: string }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "binary"; readonly path: string; readonly args: readonly string[] };

const pathLimit = 4095;
const outputForms = "the absolute path of a fifo, binary:///path?key=value, file:///path, or empty";
const inputForms = "the absolute path of a fifo, or empty";

/** Why a decoded path is not usable; undefined when it is. */
function pathProblem(path: string): string | undefined {
  if (!path.startsWith("/")) return "the path is not absolute";
  if (path.includes("\0")) return "the path holds a zero byte";
  if (Buffer.byteLength(path) > pathLimit) return `the path is longer than ${pathLimit} bytes`;
  if (path.endsWith("/")) return "the path names a directory";
  if (path.split("/").some((part) => part === "..")) return `the path holds ".."`;
  return undefined;
}

/** Undoes percent-encoding, and `+` for a blank in a query; undefined when it is malformed. */
function decode(text: string, plusIsBlank: boolean): string | undefined {
  try {
    return decodeURIComponent(plusIsBlank ? text.replaceAll("+", " ") : text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

/** `?k=v&k=w&l` as containerd makes arguments of it: each key once, with its first value: `k v l ""`. */
function loggerArguments(query: string): readonly string[] | undefined {
  const seen = new Map<string, string>();
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const key = decode(equals < 0 ? pair : pair.slice(0, equals), true);
    const value = decode(equals < 0 ? "" : pair.slice(equals + 1), true);
    if (key === undefined || value === undefined || key.includes("\0") || value.includes("\0")) return undefined;
    if (!seen.has(key)) seen.set(key, value);
  }
  return [...seen].flat();
}

/**
 * Reads what containerd gives for a stream: a fifo's path, `binary:///path?key=value`, `file:///path`, or nothing.
 * The text is hostile; whatever else it is, is `KATA_IO_URI`. Nothing is opened.
 */
export function parseStdio(stream: StdioStream, text: string | undefined): StdioTarget {
  if (text === undefined || text === "") return { kind: "none" };
  const fail = (problem: string): never => {
    const shown = text.length > 200 ? `${text.slice(0, 200)}…` : text;
    const forms = stream === "stdin" ? inputForms : outputForms;
    throw ioErrors.KATA_IO_URI({ stream, text: shown, problem, forms });
  };
  const checked = (path: string): string => {
    const problem = pathProblem(path);
    return problem === undefined ? path : fail(problem);
  };

  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return { kind: "fifo", path: checked(text) };
  if (stream === "stdin" || (scheme !== "binary" && scheme !== "file"))
    return fail(`"${scheme}:" is not supported here`);
  const rest = text.slice(scheme.length + 1);
  if (!rest.startsWith("///")) return fail(`"${scheme}:" is not followed by "///"`);
  if (rest.includes("#")) return fail(`it has a fragment ("#")`);
  const question = rest.indexOf("?");
  const path = decode(rest.slice(2, question < 0 ? undefined : question), false);
  if (path === undefined) return fail("its percent-encoding is malformed");
  if (scheme === "file") {
    if (question >= 0) return fail("a file takes no arguments");
    return { kind: "file", path: checked(path) };
  }
  const args = loggerArguments(question < 0 ? "" : rest.slice(question + 1));
  if (args === undefined) return fail("its arguments are malformed");
  return { kind: "binary", path: checked(path), args };
}
