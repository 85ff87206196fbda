import assert from "node:assert/strict";
import type { Subject, Trial } from "./check.js";
import type { Stage } from "./stage.js";

/** A driver that is chosen by what it is offered. */
export interface MatchingDriver<R> {
  readonly name: string;
  match(request: R): number;
}

/** Requests of a stage. */
export type Offers<S extends Subject, I, R> = (stage: Stage<S, I>) => readonly R[];

/** What holds for drivers that are chosen by `match`. */
export const matchTrials = <S extends Subject, R, I extends MatchingDriver<R>>(
  takes: Offers<S, I, R>,
  leaves: Offers<S, I, R>,
): readonly Trial<S, I>[] => [
  {
    name: "takes what it is for, and says so each time",
    async run(stage) {
      const [driver, other] = [await stage.instance(), await stage.instance()];
      for (const request of takes(stage)) {
        const score = driver.match(request);
        assert.ok(score > 0 && Number.isFinite(score), `it gives ${score} to ${shown(request)}`);
        for (const again of [driver, other]) assert.equal(again.match(request), score, "another time it gives another");
      }
      assert.deepEqual(await stage.left(), []);
    },
  },
  {
    name: "leaves to others what is not for it",
    async run(stage) {
      const driver = await stage.instance();
      for (const request of leaves(stage)) assert.equal(driver.match(request), 0, `it takes ${shown(request)}`);
      assert.deepEqual(await stage.left(), []);
    },
  },
];

/** The plain part of a request. */
const shown = (request: unknown): string =>
  JSON.stringify(request, (_key, value: unknown) =>
    typeof value === "object" && value !== null && isPlain(value)
      ? value
      : typeof value === "object"
        ? undefined
        : value,
  );

const isPlain = (value: object): boolean => Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
