import type { Context } from "mocha";
import { Containerd, type ContainerdOptions, podFlags } from "../../support/containerd.js";
import { checkLeaks, expectNoLeaks, type Traces, traces } from "../../support/leaks.js";

const mark = `kt${process.pid}`;
const scope = { marks: [mark] };
let last = 0;

/** A containerd for the tests of a suite, and ids that no other test has. */
export interface Suite {
  readonly containerd: Containerd;
  newId(): string;
}

/** How its containerd is, and what there must be for it: `needs` skips where that is not. */
export interface SuiteOptions extends Pick<ContainerdOptions, "configuration" | "snapshotter"> {
  readonly needs?: (context: Context) => void | Promise<void>;
}

/**
 * A suite of tests with a containerd of its own. After each test, and after all, nothing may be left of it: a machine that
 * the suite holds for its tests may outlive a test, but not the suite.
 */
export function describeContainerd(title: string, define: (suite: Suite) => void, options: SuiteOptions = {}): void {
  describe(title, () => {
    let containerd: Containerd | undefined;
    let nothing: Traces = new Set();
    before("start containerd", async function () {
      await options.needs?.(this);
      nothing = traces(scope);
      containerd = await Containerd.open(options);
    });
    checkLeaks(() => scope, 10_000);
    afterEach("show what the shims have logged when a test has failed", function () {
      if (this.currentTest?.state === "failed" && containerd !== undefined) console.error(containerd.log.slice(-8000));
    });
    define({
      get containerd(): Containerd {
        if (containerd === undefined) throw new Error("containerd is not started before the tests");
        return containerd;
      },
      newId: () => `${mark}-${++last}`,
    });
    // Given last: hooks run in the order in which they were given, so that what the suite holds is removed by now.
    after("end containerd", async () => {
      try {
        await expectNoLeaks(nothing, scope, 10_000);
      } finally {
        // There are some only when a test has failed.
        for (const id of (await containerd?.tasks())?.keys() ?? []) await containerd?.remove(id);
        await containerd?.close();
      }
    });
  });
}

/** A pod for the tests of the surrounding suite, so that its machine boots once; its own container sleeps. */
export interface Pod {
  readonly id: string;
  /** What `ctr run` takes for a container of it. */
  readonly flags: readonly string[];
}

/** Runs a pod before the tests of the surrounding suite and removes it after them. `flags` are for its own container. */
export function podForAll(suite: Suite, flags: () => readonly string[] = () => []): Pod {
  let id: string | undefined;
  before("run a pod", async () => {
    id = suite.newId();
    const { status, stderr } = await suite.containerd.run(
      id,
      ["-d", ...podFlags("sandbox", id), ...flags()],
      ["sleep", "100000"],
    );
    if (status !== 0) throw new Error(stderr);
  });
  after("remove the pod", async () => {
    if (id !== undefined) await suite.containerd.remove(id);
  });
  return {
    get id(): string {
      if (id === undefined) throw new Error("the pod is not run before the tests");
      return id;
    },
    get flags(): readonly string[] {
      return podFlags("container", this.id);
    },
  };
}
