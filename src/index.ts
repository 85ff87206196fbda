/**
 * kata-ts, the library. A guided list:
 *
 * - `Runtime` is the runtime put together; `builtins` are the plugins that come with it.
 * - Messages (`createTask`, `startTask`, …) are sent with `runtime.request`; events are heard on `runtime.events`.
 * - A containerd shim of one's own serves the service `task`, and undoes by `cleanUpSandbox` what a killed one has left.
 * - Plugins are written against `kata-ts/plugin`, and tested with `kata-ts/testing`.
 */
export { Runtime, type RuntimeOptions } from "./core/runtime/runtime.js";
export { catchLateErrors, type OnFatal } from "./core/runtime/catch-late-errors.js";
export { builtins } from "./plugins/builtins.js";

export { cleanUpSandbox, type CleanUpOptions } from "./core/runtime/clean-up.js";
export { containerIdentity, type ContainerIdentity, type ContainerRole } from "./core/sandbox/identity.js";
export type { Connections, DeletedContainer, TaskServiceConfig } from "./plugins/services/task/config.js";
export { encodeDeleteResponse } from "./plugins/services/task/delete-response.js";

export * from "./core/messages/task.js";
export * from "./core/messages/events.js";
export { type Phase, phaseDone } from "./core/sandbox/phases.js";

export { defaultSpec, type DefaultSpecOptions } from "./core/oci/default-spec.js";
export type * from "./core/oci/spec.js";

export { defineErrors, describeError, KataError } from "./core/errors/error.js";
export { type Status, statusCodes } from "./core/errors/status.js";
export { createLogger, type Logger, type LogLevel, silentLogger } from "./core/log.js";
export { createLinuxSys } from "./core/sys/linux/index.js";
export type { Sys } from "./core/sys/sys.js";

export { Dispatcher, type Handle, type HandlerTable, type Interceptor } from "./core/dispatch/dispatcher.js";
export { EventBus } from "./core/dispatch/event-bus.js";
export { defineEvent, defineRequest, type EventType, type Message, type RequestType } from "./core/dispatch/message.js";

export type * from "./plugin.js";
