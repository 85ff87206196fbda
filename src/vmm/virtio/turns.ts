/** One turn of some work. True when there is more to do at once; what there is to wait for is waited for elsewhere. */
export type Turn = () => boolean;

/**
 * Work that is done in turns: the first of them now, those after it behind whatever else the thread has to do, so that no
 * guest keeps a device's thread to itself. What a turn throws goes to `failed`, and ends the work.
 */
export class Turns {
  readonly #turn: Turn;
  readonly #failed: (error: unknown) => void;
  #next: NodeJS.Immediate | undefined;
  #inTurn = false;
  #again = false;

  constructor(turn: Turn, failed: (error: unknown) => void) {
    this.#turn = turn;
    this.#failed = failed;
  }

  /** There is something to do. Called within a turn it asks for another. */
  run(): void {
    if (this.#inTurn) this.#again = true;
    if (this.#inTurn || this.#next !== undefined) return;
    this.#inTurn = true;
    this.#again = false;
    let more = false;
    try {
      more = this.#turn();
    } catch (error) {
      this.#again = false;
      this.#failed(error);
    } finally {
      this.#inTurn = false;
    }
    if (more || this.#again) this.#later();
  }

  /** No further turn of what is under way. */
  stop(): void {
    this.#again = false;
    if (this.#next !== undefined) clearImmediate(this.#next);
    this.#next = undefined;
  }

  #later(): void {
    this.#next = setImmediate(() => {
      this.#next = undefined;
      this.run();
    });
  }
}
