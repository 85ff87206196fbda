/**
 * Standard Schema v1 (standardschema.dev), written down as types only: what valibot, zod, arktype or fifteen lines by hand
 * offer as a schema, so that a plugin's author is free to choose.
 */
export interface StandardSchema<Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The type that a schema gives. */
export type SchemaOutput<S> = S extends StandardSchema<infer Output> ? Output : never;

/** A schema made of a function: it returns the value or throws an error whose message says what is wrong. */
export function schemaOf<Output>(parse: (value: unknown) => Output): StandardSchema<Output> {
  return {
    "~standard": {
      version: 1,
      vendor: "kata-ts",
      validate(value) {
        try {
          return { value: parse(value) };
        } catch (error) {
          return { issues: [{ message: error instanceof Error ? error.message : String(error) }] };
        }
      },
    },
  };
}

/** The schema of a plugin that has no configuration: its table may have no key (`kataConfig`, see `ConfiguredSchema`). */
export const noConfig: StandardSchema<undefined> = Object.assign(
  schemaOf(() => undefined),
  { kataConfig: {} },
);
