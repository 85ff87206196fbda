import type { HandlerTable } from "../../../core/dispatch/dispatcher.js";

/** What is kept on disk. */
export interface Kept {
  /** Ends when it is there as it is now. */
  keep(): Promise<void>;
}

/**
 * A table whose handlers answer only when what they changed of the container's sandbox is on disk, also when they fail: what
 * somebody was told is still known after this process was killed.
 */
export function keepAfter(
  table: Pick<HandlerTable, "handle">,
  sandboxOf: (containerId: string) => Kept | undefined,
): Pick<HandlerTable, "handle"> {
  return {
    handle(definition, owner, handler) {
      table.handle(definition, owner, async (request) => {
        const before = sandboxOf(containerOf(request));
        try {
          return await handler(request);
        } finally {
          await (before ?? sandboxOf(containerOf(request)))?.keep();
        }
      });
    },
  };
}

/** The container that a request is about; "" when it is about none. */
export function containerOf(request: unknown): string {
  if (typeof request !== "object" || request === null || !("containerId" in request)) return "";
  return typeof request.containerId === "string" ? request.containerId : "";
}
