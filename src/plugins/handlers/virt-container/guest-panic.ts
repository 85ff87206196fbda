/** What Linux writes to its console when it gives up (`panic` of `kernel/panic.c`), and again at the very end in brackets. */
const panicLine = /^(?!.*---\[ end ).*\bKernel panic - not syncing(?:: (?<reason>.*))?$/;

/** Why the guest's kernel gave up, in its own words; undefined when its console does not say that it did. */
export function panicReason(console: readonly string[]): string | undefined {
  const line = console.findLast((one) => panicLine.test(one));
  return line === undefined ? undefined : (panicLine.exec(line)?.groups?.["reason"] ?? "it does not say why");
}
