import type { EventType, Plugin } from "kata-ts/plugin";
import { note } from "./notes.js";
import { tableOf } from "./schema.js";

const config = tableOf({ prefix: "" });

/** Kinds of events are told apart by their names, so a package needs none of ours at run time. */
const exited: EventType<{ readonly exit: { readonly status: number } }> = { kind: "task.exited" };

/** A service that only tells of ends; the first one is its own. */
export const plugin: Plugin<"service", typeof config> = {
  api: 1,
  kind: "service",
  name: "acme",
  config,
  create({ events, scope }, { prefix }) {
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    return {
      name: "acme",
      finished,
      async start() {
        const subscription = events.subscribe(exited, "acme", ({ exit }) => {
          note(`service ${prefix}${exit.status}`);
          finish();
        });
        scope.defer("acme's ears", () => subscription.unsubscribe());
      },
      close: async () => note("service close"),
      destroy: async () => note("service destroy"),
    };
  },
};
