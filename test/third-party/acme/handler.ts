import type { HandlerTable, Plugin } from "kata-ts/plugin";
import { note } from "./notes.js";
import { tableOf } from "./schema.js";

const config = tableOf({ loud: false });

/** A handler over another one: it sees every message that the other answers. */
export const plugin: Plugin<"handler", typeof config> = {
  api: 1,
  kind: "handler",
  name: "acme",
  config,
  requires: [{ kind: "handler", name: "virt-container" }],
  async create({ plugins }, { loud }) {
    const inner = await plugins.create("handler", "virt-container", "the plugin handler/acme");
    return {
      name: "acme",
      register(table) {
        const watched: HandlerTable = {
          handle: (type, _owner, handle) =>
            table.handle(type, "acme", (payload) => {
              note(`handler ${loud ? type.kind.toUpperCase() : type.kind}`);
              return handle(payload);
            }),
        };
        inner.register(watched);
      },
      close: () => inner.close(),
      destroy: (reason) => inner.destroy(reason),
    };
  },
};
