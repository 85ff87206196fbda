import type { EventBus } from "../../core/dispatch/event-bus.js";
import { taskStarted } from "../../core/messages/events.js";
import type { Sys } from "../../core/sys/sys.js";

/** Milliseconds after the start of a container: V8 has given back what that needed by then. */
const idleTime = 9_000;

/** Gives the kernel back what starts of containers have needed of memory, once none was started for some seconds. */
export function giveBackWhenIdle(events: EventBus, sys: Pick<Sys, "processes">): void {
  let timer: NodeJS.Timeout | undefined;
  events.subscribe(taskStarted, "memory of the shim", () => {
    clearTimeout(timer);
    timer = setTimeout(() => sys.processes.giveBackMemory(), idleTime).unref();
  });
}
