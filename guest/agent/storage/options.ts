/** `name=value` among options, the last one, and the others. */
export function takeOption(options: readonly string[], name: string): { value: string | undefined; rest: string[] } {
  const prefix = `${name}=`;
  const rest = options.filter((option) => !option.startsWith(prefix));
  return { value: options.findLast((option) => option.startsWith(prefix))?.slice(prefix.length), rest };
}
