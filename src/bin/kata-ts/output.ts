/** A listing: for people a table, with `--json` the rows as they are. */
export interface Listing<Row> {
  readonly rows: readonly Row[];
  readonly columns: readonly { readonly title: string; readonly cell: (row: Row) => string }[];
}

/** The table's lines: columns as wide as their longest cell, two spaces between. */
export function formatTable<Row>({ rows, columns }: Listing<Row>): string[] {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ cell }) => cell(row)))];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)));
  return cells.map((line) =>
    line
      .map((cell, index) => (index === line.length - 1 ? cell : cell.padEnd(widths[index] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}

const plain = (_key: string, value: unknown): unknown => (typeof value === "bigint" ? value.toString() : value);

/** Prints a listing in the form asked for. */
export function printListing<Row>(listing: Listing<Row>, json: boolean): void {
  if (json) process.stdout.write(`${JSON.stringify(listing.rows, plain, 2)}\n`);
  else for (const line of formatTable(listing)) process.stdout.write(`${line}\n`);
}
