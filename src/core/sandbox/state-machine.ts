import { sandboxErrors } from "./errors.js";

/** For every action the states it is allowed from and the state it leads to. */
export type Transitions<State extends string, Action extends string> = Readonly<
  Record<Action, { readonly from: readonly State[]; readonly to: State }>
>;

/**
 * The state of one thing, changed only by named actions. An action that is not allowed now is `KATA_STATE`
 * (FAILED_PRECONDITION), naming the thing, its state and the states the action needs.
 */
export class StateMachine<State extends string, Action extends string> {
  readonly #what: string;
  readonly #transitions: Transitions<State, Action>;
  #state: State;

  /** `what` names the thing in errors: `the container "x"`. */
  constructor(what: string, initial: State, transitions: Transitions<State, Action>) {
    this.#what = what;
    this.#state = initial;
    this.#transitions = transitions;
  }

  get state(): State {
    return this.#state;
  }

  can(action: Action): boolean {
    return this.#transitions[action].from.includes(this.#state);
  }

  /** Throws `KATA_STATE` unless `action` is allowed now; changes nothing. */
  assert(action: Action): void {
    if (this.can(action)) return;
    const allowed = this.#transitions[action].from;
    throw sandboxErrors.KATA_STATE({ what: this.#what, action, state: this.#state, allowed });
  }

  /** Takes the transition and gives the new state. */
  apply(action: Action): State {
    this.assert(action);
    this.#state = this.#transitions[action].to;
    return this.#state;
  }
}
