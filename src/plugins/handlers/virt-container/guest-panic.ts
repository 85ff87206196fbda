/** What Linux writes to its console when it gives up (`panic` of `kernel/panic.c`), and again at the very end in brackets. */
const panicLine = /^(?!.*---\[ end ).*\bKernel panic - not syncing(?:: (?<reason>.*))?$/;

/** Lines before the panic's own, which may say what led to it. */
const leadingLines = 8;

/** A kernel that gave up. */
export interface GuestPanic {
  /** Why, in its own words. */
  readonly reason: string;
  /** The console from shortly before it on: what follows is mostly a trace. */
  readonly console: readonly string[];
}

/** The panic of the guest's kernel that its console tells of; undefined when it does not. */
export function findPanic(console: readonly string[]): GuestPanic | undefined {
  const at = console.findLastIndex((line) => panicLine.test(line));
  const found = panicLine.exec(console[at] ?? "");
  if (found === null) return undefined;
  const reason = found.groups?.["reason"] ?? "it does not say why";
  return { reason, console: console.slice(Math.max(0, at - leadingLines)) };
}
