import { expect } from "chai";
import fc from "fast-check";
import { StateMachine } from "../../../../src/core/sandbox/state-machine.js";

const transitions = {
  start: { from: ["new"], to: "running" },
  pause: { from: ["running"], to: "paused" },
  resume: { from: ["paused"], to: "running" },
  exit: { from: ["new", "running", "paused"], to: "stopped" },
} as const;
type State = "new" | "running" | "paused" | "stopped";
type Action = keyof typeof transitions;

const machine = () => new StateMachine<State, Action>('the container "x"', "new", transitions);

describe("StateMachine", () => {
  it("says what is wrong with an action that is not allowed now", () => {
    expect(() => machine().apply("pause")).to.throw('cannot pause the container "x": it is new, and must be running');
  });

  it("only ever moves along its transitions, and not at all when refused", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom<Action>("start", "pause", "resume", "exit")), (actions) => {
        const one = machine();
        for (const action of actions) {
          const before = one.state;
          const allowed = (transitions[action].from as readonly State[]).includes(before);
          if (allowed) expect(one.apply(action)).to.equal(transitions[action].to);
          else {
            expect(() => one.apply(action)).to.throw(/cannot/);
            expect(one.state).to.equal(before);
          }
        }
      }),
    );
  });
});
