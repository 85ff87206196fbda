/** What QEMU says about itself when a monitor connects. */
export interface QmpGreeting {
  readonly kind: "greeting";
  readonly version: string;
}

/** The answer to a command. */
export interface QmpAnswer {
  readonly kind: "answer";
  /** The command's id; undefined when QEMU could not even read the command. */
  readonly id: number | undefined;
  readonly result:
    | { readonly value: unknown }
    | { readonly error: { readonly kind: string; readonly description: string } };
}

/** Something that happened in the machine. */
export interface QmpEvent {
  readonly kind: "event";
  /** Its name: `DEVICE_DELETED`. */
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export type QmpMessage = QmpGreeting | QmpAnswer | QmpEvent;

/** An object of an unchecked JSON value; undefined for everything else. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

const text = (value: unknown, fallback: string) => (typeof value === "string" ? value : fallback);

/** What a JSON value means in QMP; undefined when it means nothing there. */
export function parseQmpMessage(value: unknown): QmpMessage | undefined {
  const message = asRecord(value);
  if (message === undefined) return undefined;
  if ("QMP" in message) {
    const qemu = asRecord(asRecord(asRecord(message["QMP"])?.["version"])?.["qemu"]);
    const part = (name: string) => (typeof qemu?.[name] === "number" ? qemu[name] : "?");
    return { kind: "greeting", version: `${part("major")}.${part("minor")}.${part("micro")}` };
  }
  if (typeof message["event"] === "string")
    return { kind: "event", name: message["event"], data: asRecord(message["data"]) ?? {} };
  const id = typeof message["id"] === "number" ? message["id"] : undefined;
  const failure = asRecord(message["error"]);
  if (failure !== undefined) {
    const error = { kind: text(failure["class"], "GenericError"), description: text(failure["desc"], "no reason") };
    return { kind: "answer", id, result: { error } };
  }
  return "return" in message ? { kind: "answer", id, result: { value: message["return"] } } : undefined;
}
