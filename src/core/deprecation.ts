import { deprecate } from "node:util";

/** That something is still taken, and will not be for ever. Versions are of kata-ts. */
export interface Deprecation {
  /** The first version that warns of it. */
  readonly since: string;
  /** The version that takes it no more. */
  readonly removal: string;
  /** What to do instead: `use "foo"`. */
  readonly hint: string;
}

/** Something deprecated that is in use. */
export interface DeprecatedUse extends Deprecation {
  /** What it is: `the key runtime.foo`, `plugin API 1, which plugin volume/x is written for`. */
  readonly what: string;
  /** Where it is used: a file and line, a package. */
  readonly where: string;
}

/** A use for people, on one line. */
export function formatDeprecatedUse({ what, where, since, removal, hint }: DeprecatedUse): string {
  return `${what} (${where}) is deprecated since version ${since} and will be gone in ${removal}; ${hint}`;
}

/** Says of each use once that it is one. */
export class DeprecationLog {
  readonly #said = new Set<string>();
  readonly #warn: (message: string) => void;

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  note(uses: Iterable<DeprecatedUse>): void {
    for (const use of uses) {
      const text = formatDeprecatedUse(use);
      if (this.#said.has(text)) continue;
      this.#said.add(text);
      this.#warn(text);
    }
  }
}

/**
 * A function of the package that is to go, under the name it is exported by: its first call is a `DeprecationWarning`. Its
 * declaration has `@deprecated`.
 */
export function deprecatedExport<Args extends unknown[], Result>(
  name: string,
  { since, removal, hint }: Deprecation,
  run: (...args: Args) => Result,
): (...args: Args) => Result {
  return deprecate(
    run,
    `${name} of kata-ts is deprecated since version ${since} and will be gone in ${removal}; ${hint}`,
    `KATA_TS_${name}`,
  );
}
