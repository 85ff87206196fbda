import type { HandlerTable } from "../dispatch/dispatcher.js";

/**
 * Owns sandboxes and containers: their state machines, their order of start and stop. Chosen by `runtime.name`.
 * `register` is called once, before the first message, and announces which messages the handler answers; all others stay
 * `KATA_DISPATCH_UNHANDLED`.
 */
export interface RuntimeHandler {
  readonly name: string;
  register(table: HandlerTable): void;
  /** Ends every sandbox in good order; all are tried, errors gathered. */
  close(): Promise<void>;
  /** Ends every sandbox by force. */
  destroy(reason: unknown): Promise<void>;
}
