import type { KataError } from "../errors/error.js";
import { configErrors } from "./errors.js";
import { drawFrame } from "./frame.js";
import { formatPlace, type Place } from "./source.js";

const problems = Symbol.for("kata-ts/config-problems");

/** Codes of what can be wrong with one key. */
export type KeyProblemCode =
  | "KATA_CONFIG_UNKNOWN_KEY"
  | "KATA_CONFIG_TYPE"
  | "KATA_CONFIG_VALUE"
  | "KATA_CONFIG_FILE_MISSING"
  | "KATA_CONFIG_PLUGIN";

interface Found {
  readonly error: KataError;
  readonly place: Place | undefined;
}

/** Sources in the order in which something was found in them, and in each by line. */
function inOrder(found: readonly Found[]): KataError[] {
  const sources = [...new Set(found.map(({ place }) => place?.source))];
  const rank = ({ place }: Found) => sources.indexOf(place?.source);
  const line = ({ place }: Found) => place?.line ?? 0;
  return found.toSorted((a, b) => rank(a) - rank(b) || line(a) - line(b)).map(({ error }) => error);
}

/** Gathers what is wrong with a configuration, so that all of it is said at once. */
export class Report {
  readonly #found: Found[] = [];

  /** Adds what is wrong with a key. A place of undefined means that a default is at fault. */
  add(code: KeyProblemCode, key: string, problem: string, place: Place | undefined, secret = false): void {
    const where = place ? formatPlace(place) : "default";
    const frame = place && place.source.text !== "" && !secret ? drawFrame(place) : "";
    this.#found.push({ error: configErrors[code]({ where, key, problem, frame }), place });
  }

  addError(error: KataError): void {
    this.#found.push({ error, place: undefined });
  }

  /** Throws the one error there is, or `KATA_CONFIG_INVALID` with all of them; returns when there is none. */
  throwIfAny(): void {
    const errors = inOrder(this.#found);
    const [first, second] = errors;
    if (first === undefined) return;
    if (second === undefined) throw first;
    const all = configErrors.KATA_CONFIG_INVALID({ messages: errors.map((error) => error.message) });
    Object.defineProperty(all, problems, { value: errors });
    throw all;
  }
}

/** The single errors of a `KATA_CONFIG_INVALID`; any other error is the only one of its list. */
export function problemsOf(error: KataError): readonly KataError[] {
  const gathered: unknown = problems in error ? error[problems] : undefined;
  return Array.isArray(gathered) ? (gathered as readonly KataError[]) : [error];
}
