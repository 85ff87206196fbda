import type { Duplex } from "node:stream";
import type { StandardSchema } from "../../../core/plugin/standard-schema.js";
import { schemaOf } from "../../../core/plugin/standard-schema.js";

/** A socket that listens already, whose connections wait until somebody takes them. */
export interface Connections {
  /** Gives every connection, those that waited first. */
  take(accept: (connection: Duplex) => void): void;
  /** Takes no more. */
  close(): void;
}

/** What the program that wants a task service gives it. */
export interface TaskServiceConfig {
  /**
   * Where containerd connects: a socket to be made at a path with mode 0600, one that listens already as a descriptor, or
   * one that this process listens on already.
   */
  readonly listen: { readonly path: string } | { readonly fd: number } | { readonly connections: Connections };
  /** containerd's namespace, for the events. */
  readonly namespace: string;
  /** Where events go: containerd's ttrpc socket. Without it they are only logged. */
  readonly publisher?: { readonly address: string };
  /**
   * Called when nothing is left, before containerd is told so: what it removes is gone when containerd goes on. `finished`
   * settles after it and after the answer.
   */
  readonly release?: () => Promise<void>;
  /** Called after a container was deleted, before containerd is told so. */
  readonly deleted?: (container: DeletedContainer) => void;
}

/** A container whose deletion is about to be answered. */
export interface DeletedContainer {
  readonly containerId: string;
  readonly bundle: string;
  /** The encoded DeleteResponse. */
  readonly response: Uint8Array;
}

/** Checks what a program passes; it is code of ours or an embedder's, so only gross mistakes are looked for. */
export const taskServiceSchema: StandardSchema<TaskServiceConfig> = schemaOf((value) => {
  const config = value as Partial<TaskServiceConfig> | undefined;
  const listen = config?.listen;
  if (typeof listen !== "object" || !("path" in listen || "fd" in listen || "connections" in listen)) {
    throw new Error('"listen" must be { path }, { fd } or { connections }');
  }
  if (typeof config?.namespace !== "string" || config.namespace === "") throw new Error('"namespace" must be given');
  return config as TaskServiceConfig;
});
