import type { HandlerTable } from "../../../core/dispatch/dispatcher.js";
import { containerOf } from "./keep-after.js";

/** What knows why its guest is gone. */
export interface Explained {
  /** What is told instead of an error: why the guest is gone, if that is what it comes from. */
  reason(error: unknown): Promise<unknown>;
}

/** A table whose handlers fail with the reason why the container's guest is gone, not with a connection that broke by that. */
export function tellWhyGone(
  table: Pick<HandlerTable, "handle">,
  sandboxOf: (containerId: string) => Explained | undefined,
): Pick<HandlerTable, "handle"> {
  return {
    handle(definition, owner, handler) {
      table.handle(definition, owner, async (request) => {
        const sandbox = sandboxOf(containerOf(request));
        try {
          return await handler(request);
        } catch (error) {
          throw (await sandbox?.reason(error)) ?? error;
        }
      });
    },
  };
}
