/** A request on its way through the dispatcher: what kind, with what. */
export interface Message<Request, Answer> {
  readonly type: RequestType<Request, Answer>;
  readonly payload: Request;
}

/**
 * A kind of request: call it with a payload to make a message. The answer's type travels with it, so handlers and callers
 * cannot disagree. Kinds are told apart by name, so two copies of the library mean the same one.
 */
export interface RequestType<Request, Answer> {
  (payload: Request): Message<Request, Answer>;
  readonly kind: string;
  /** Never set; carries the type of the answer. */
  readonly answer?: Answer;
}

/** Defines a kind of request; `kind` is `area.verb`, such as `task.create`. */
export function defineRequest<Request, Answer>(kind: string): RequestType<Request, Answer> {
  const type: RequestType<Request, Answer> = Object.assign(
    (payload: Request): Message<Request, Answer> => ({ type, payload }),
    { kind },
  );
  return type;
}

/** A kind of event: something that happened, told to whoever listens. */
export interface EventType<Payload> {
  readonly kind: string;
  /** Never set; carries the type of the payload. */
  readonly payload?: Payload;
}

/** Defines a kind of event. */
export function defineEvent<Payload>(kind: string): EventType<Payload> {
  return { kind };
}
