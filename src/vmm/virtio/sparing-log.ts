import type { LogFields, Logger } from "../../core/log.js";

/** How many lines are written before most are left out. */
const plenty = 8;

/**
 * Lines about what a guest can have happen as often as it likes: the first few are written, then those whose number is a
 * power of two, with that number. So the log tells of it and of how often, and a guest cannot fill the host's disk.
 */
export class SparingLog {
  readonly #log: Logger;
  #count = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  warn(message: string, fields: LogFields): void {
    this.#count++;
    if (this.#count <= plenty) this.#log.warn(message, fields);
    else if (Number.isInteger(Math.log2(this.#count))) this.#log.warn(message, { ...fields, times: this.#count });
  }
}
