/** One measured number and what it is held against. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What `value` is compared with, measured in the same run and unit. */
  readonly against: { readonly name: string; readonly value: number };
  /** `value` over that of `against`. */
  readonly ratio: number;
  /** The largest ratio that counts as good; undefined: only shown. */
  readonly limit: number | undefined;
}

/** Why there is nothing to show: this host has not what it takes. Any other error is a failure. */
export class NotMeasured extends Error {
  override readonly name = "NotMeasured";
}

/** A row as one line of text. */
export function formatRow(row: Row): string {
  const number = (value: number) => value.toFixed(value < 100 ? 2 : 0);
  const limit = row.limit === undefined ? "" : `, at most ${row.limit}${row.ratio <= row.limit ? "" : ": TOO MUCH"}`;
  const against = `${row.against.name} ${number(row.against.value)} ${row.unit}`;
  return `${row.name}: ${number(row.value)} ${row.unit} (${against}; ratio ${row.ratio.toFixed(2)}${limit})`;
}
