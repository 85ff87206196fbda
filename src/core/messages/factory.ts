import { defineRequest } from "../dispatch/message.js";

/** The template that machines are started from. */
export interface TemplateStatus {
  /** Its directory. */
  readonly path: string;
  /** Whether machines, as configuration has them, are started from it. */
  readonly state: "fits" | "does not fit" | "none";
  /** Why not. */
  readonly reason?: string;
}

/** Messages about the template that configuration names (`[hypervisor.<name>.factory]`). */
export const initTemplate = defineRequest<object, TemplateStatus>("factory.init");
export const templateStatus = defineRequest<object, TemplateStatus>("factory.status");
/** Whether there was one. */
export const destroyTemplate = defineRequest<object, { readonly removed: boolean; readonly path: string }>(
  "factory.destroy",
);
