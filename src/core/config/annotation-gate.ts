import { wholePattern } from "./check-value.js";

/**
 * Says which annotations a hypervisor's `enable_annotations` allows. A pattern must match a whole name: of `hypervisor.x`
 * both `x`, as Kata has it, and `hypervisor.x`; of `agent.x` and `runtime.x` only these.
 */
export class AnnotationGate {
  readonly #patterns: readonly RegExp[];

  constructor(enableAnnotations: readonly string[]) {
    this.#patterns = enableAnnotations.flatMap((pattern) => wholePattern(pattern) ?? []);
  }

  /** Whether an annotation may be used, by its name after `io.katacontainers.config.`. */
  allows(name: string): boolean {
    return this.#patterns.some((pattern) => namesOf(name).some((one) => pattern.test(one)));
  }
}

function namesOf(name: string): string[] {
  return name.startsWith("hypervisor.") ? [name, name.slice("hypervisor.".length)] : [name];
}

/** What to write into `enable_annotations` to allow an annotation. */
export function patternFor(name: string): string {
  return (namesOf(name).at(-1) ?? name).replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
