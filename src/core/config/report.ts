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

/** Gathers what is wrong with a configuration, so that all of it is said at once. */
export class Report {
  readonly #errors: KataError[] = [];

  /** Adds what is wrong with a key. A place of undefined means that a default is at fault. */
  add(code: KeyProblemCode, key: string, problem: string, place: Place | undefined, secret = false): void {
    const where = place ? formatPlace(place) : "default";
    const frame = place && !secret ? drawFrame(place) : "";
    this.#errors.push(configErrors[code]({ where, key, problem, frame }));
  }

  addError(error: KataError): void {
    this.#errors.push(error);
  }

  /** Throws the one error there is, or `KATA_CONFIG_INVALID` with all of them; returns when there is none. */
  throwIfAny(): void {
    const [first, second] = this.#errors;
    if (first === undefined) return;
    if (second === undefined) throw first;
    const all = configErrors.KATA_CONFIG_INVALID({ messages: this.#errors.map((error) => error.message) });
    Object.defineProperty(all, problems, { value: [...this.#errors] });
    throw all;
  }
}

/** The single errors of a `KATA_CONFIG_INVALID`; any other error is the only one of its list. */
export function problemsOf(error: KataError): readonly KataError[] {
  const gathered: unknown = problems in error ? error[problems] : undefined;
  return Array.isArray(gathered) ? (gathered as readonly KataError[]) : [error];
}
