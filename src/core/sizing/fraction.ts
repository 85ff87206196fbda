/** A number as it is written, so that thirds and tenths add up to a whole one. */
export interface Fraction {
  readonly over: bigint;
  readonly under: bigint;
}

/** Digits after the point that a configured number is taken with. */
const decimals = 6;
const scale = 10 ** decimals;

/** A configured number, to six decimals. */
export const fraction = (value: number): Fraction => ({
  over: BigInt(Math.round(value * scale)),
  under: BigInt(scale),
});

/** Their sum, exactly. */
export function sum(parts: readonly Fraction[]): Fraction {
  return parts.reduce(
    (a, b) =>
      a.under === b.under
        ? { over: a.over + b.over, under: a.under }
        : { over: a.over * b.under + b.over * a.under, under: a.under * b.under },
    { over: 0n, under: 1n },
  );
}

/** The least whole number that is no less than it, which is 0 or more. */
export const ceiling = ({ over, under }: Fraction): number => Number((over + under - 1n) / under);
