import type { StandardSchema } from "kata-ts/plugin";

/** A schema by hand, for tables whose keys all have values already: what is missing gets its default. */
export function tableOf<T extends Readonly<Record<string, number | boolean | string>>>(defaults: T): StandardSchema<T> {
  return {
    "~standard": {
      version: 1,
      vendor: "acme",
      validate(value) {
        const given = { ...defaults, ...(value as Partial<T>) };
        const wrong = Object.keys(defaults).filter((key) => typeof given[key] !== typeof defaults[key]);
        if (wrong.length === 0) return { value: given };
        return { issues: wrong.map((key) => ({ path: [key], message: `must be a ${typeof defaults[key]}` })) };
      },
    },
  };
}
