/**
 * JSON text of plain data in which a `bigint` is a number: `JSON.stringify` refuses one, and an OCI runtime needs 2^64-1
 * written out. Members that are undefined are left out.
 */
export function stringifyExact(value: unknown): string {
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(stringifyExact).join(",")}]`;
  const members: string[] = [];
  for (const [key, member] of Object.entries(value)) {
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${stringifyExact(member)}`);
  }
  return `{${members.join(",")}}`;
}
