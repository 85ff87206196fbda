/** A handler over another one: it runs containers as virt-container does, and says in the log what was asked and for how long. */
import type { Handle, HandlerTable, Plugin, RequestType, StandardSchema } from "kata-ts/plugin";

const config: StandardSchema<undefined> = {
  "~standard": { version: 1, vendor: "kata-ts-handler-example", validate: () => ({ value: undefined }) },
};

export const plugin: Plugin<"handler", typeof config> = {
  api: 1,
  kind: "handler",
  name: "example",
  config,
  requires: [{ kind: "handler", name: "virt-container" }],
  async create({ plugins, log }) {
    const inner = await plugins.create("handler", "virt-container", "the plugin handler/example");

    /** Answers one kind of request: here is the place to answer it otherwise, or to ask for more before. */
    const around = <Q, A>({ kind }: RequestType<Q, A>, handle: Handle<Q, A>): Handle<Q, A> => {
      return (payload) => {
        const answer = handle(payload);
        if (!(answer instanceof Promise)) return answer;
        const begin = performance.now();
        const told = (): void => log.info("answered", { kind, ms: Math.round(performance.now() - begin) });
        return answer.finally(told);
      };
    };

    return {
      name: "example",
      register(table) {
        const mine: HandlerTable = {
          handle: (type, _owner, handle) => table.handle(type, "example", around(type, handle)),
        };
        inner.register(mine);
      },
      close: () => inner.close(),
      destroy: (reason) => inner.destroy(reason),
    };
  },
};
