import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import type { Resource } from "../../core/contracts/resource.js";
import { KataError, messageOf } from "../../core/errors/error.js";
import type { Scope } from "../../core/scope.js";
import type { Subject, Trial } from "./check.js";
import { refusals } from "./refusable.js";
import type { Stage } from "./stage.js";

/** What `adopt` may find in a file that somebody else has written. */
const strangeStates: readonly unknown[] = [undefined, null, 1, "text", [], [[]], {}, { a: { b: 1 } }, [["a", "b"]]];

/** A resource of a stage, with the instance of the plugin that made it. */
export interface MadeResource {
  readonly resource: Resource<unknown>;
  readonly scope: Scope;
  /** The process that has it is killed: nothing of it undoes anything any more. Gives what another process finds. */
  readonly abandon?: () => unknown;
  /** Ends what is not its own but the sandbox's, so that nothing may be left then. */
  readonly endSandbox?: () => Promise<void>;
}

/**
 * Makes one by a new instance of the plugin; `found` is what another process has left (`abandon`), `which` is 1 for one that is
 * to be there beside another one.
 */
export type MakeResource<S extends Subject, I> = (
  stage: Stage<S, I>,
  found?: unknown,
  which?: number,
) => Promise<MadeResource>;

const never = (): AbortSignal => new AbortController().signal;

async function take(resource: Resource<unknown>): Promise<void> {
  await resource.prepare(never());
  await resource.attach?.(never());
}

/** Undoes all of it, in the order of the contract. */
export async function undo(resource: Resource<unknown>): Promise<void> {
  await resource.detach?.();
  await resource.cleanup();
}

/** Looks whether anything is left once these are undone. */
async function assertNothing(
  stage: Pick<Stage<Subject, unknown>, "left">,
  made: readonly MadeResource[],
  what?: string,
): Promise<void> {
  for (const { endSandbox } of made) await endSandbox?.();
  assert.deepEqual(await stage.left(), [], what);
}

/** What holds for whatever has the life of a `Resource`; `ofSandbox` for those of which a sandbox has one at most. */
export const resourceTrials = <S extends Subject, I>(
  make: MakeResource<S, I>,
  { ofSandbox = false }: { readonly ofSandbox?: boolean } = {},
): readonly Trial<S, I>[] => [
  {
    name: "holds nothing before it is prepared, and needs no undoing then",
    async run(stage) {
      const { resource } = await make(stage);
      assert.notEqual(resource.name, "", "it has no name");
      assert.deepEqual(await stage.left(), []);
      await undo(resource);
      assert.deepEqual(await stage.left(), []);
    },
  },
  {
    name: "leaves nothing once it is undone, and may be undone again",
    async run(stage) {
      const made = await make(stage);
      await take(made.resource);
      await undo(made.resource);
      await assertNothing(stage, [made]);
      await undo(made.resource);
      assert.deepEqual(await stage.left(), []);
    },
  },
  {
    name: "may be prepared beside another one of its kind",
    async run(stage) {
      const beside = ofSandbox ? await stage.beside() : stage;
      const [one, other] = [await make(stage), await make(beside, undefined, 1)];
      await take(one.resource);
      await take(other.resource);
      await undo(one.resource);
      await undo(other.resource);
      if (beside !== stage) assert.deepEqual(await beside.close(), []);
      await assertNothing(stage, [one, other]);
    },
  },
  {
    name: "leaves nothing whichever call the kernel refuses",
    without: ({ sys }) => (sys === "real" ? "the kernel is the real one" : undefined),
    async run(stage) {
      for (const refuse of refusals(stage.sys)) {
        const made = await make(stage);
        const { resource, scope } = made;
        const refusal = refuse();
        const failed = await take(resource).then(
          () => undefined,
          (error: unknown) => error,
        );
        refusal.end();
        const what = `after ${refusal.refused ?? "no call"} was refused`;
        if (failed !== undefined) assert.ok(failed instanceof Error, `${what} it fails with what is no error`);
        await undo(resource);
        await scope.close();
        await assertNothing(stage, [made], what);
      }
    },
  },
  {
    name: "may be given up before it is prepared",
    async run(stage) {
      const made = await make(stage);
      const { resource } = made;
      await resource.prepare(AbortSignal.abort(new Error("given up"))).catch((error: unknown) => {
        assert.ok(error instanceof Error, "it fails with what is no error");
      });
      await undo(resource);
      await assertNothing(stage, [made]);
    },
  },
  {
    name: "says its state in a form that a file can hold",
    async run(stage) {
      const { resource } = await make(stage);
      await take(resource);
      const state = resource.state?.();
      const read: unknown = state === undefined ? undefined : JSON.parse(JSON.stringify(state));
      assert.ok(isDeepStrictEqual(read, state), "its state is another one when JSON has held it");
      await undo(resource);
    },
  },
  {
    name: "is taken over by another process, which undoes it",
    async run(stage) {
      const { resource, scope, abandon } = await make(stage);
      if (resource.adopt === undefined) return;
      await take(resource);
      const state = JSON.parse(JSON.stringify(resource.state?.() ?? null)) as unknown;
      scope.abandon();
      stage.kill();
      const next = await make(stage, abandon?.());
      await next.resource.adopt?.(state ?? undefined);
      await undo(next.resource);
      assert.deepEqual(await stage.left(), []);
    },
  },
  {
    name: "refuses what is no state of its own with an error that has a code",
    async run(stage) {
      for (const state of strangeStates) {
        const { resource, scope } = await make(stage);
        const error: unknown = await resource.adopt?.(state).catch((cause: unknown) => cause);
        const what = `for ${JSON.stringify(state)}`;
        if (error !== undefined) assert.ok(error instanceof KataError, `${what} it fails with ${messageOf(error)}`);
        await undo(resource);
        await scope.close();
        assert.deepEqual(await stage.left(), [], what);
      }
    },
  },
];
