/** What is answered over HTTP: a status, and a value that is sent as JSON. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** The HTTP statuses of errors' own; of all others it is 500. */
const statuses: Readonly<Record<string, number>> = {
  NOT_FOUND: 404,
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 409,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
};

export const found = (value: unknown): Answer => ({ status: 200, body: plain(value) });

export const notFound = (path: string): Answer => ({
  status: 404,
  body: { message: `there is no ${path}; there are /containers, /containers/ID and /containers/ID/stats` },
});

/** Errors of the runtime have a code, which never changes, and a status; a path that cannot be decoded is the asker's. */
export function failed(error: unknown): Answer {
  const { message, code, status } = error as { message?: unknown; code?: unknown; status?: unknown };
  if (error instanceof URIError) return { status: 400, body: { message } };
  return { status: statuses[String(status)] ?? 500, body: { code, message } };
}

/** As JSON can have it: numbers that do not fit its own are strings, maps are objects. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Map) return plain(Object.fromEntries(value));
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}
