import { defineRequest } from "../dispatch/message.js";

export interface CreateSandbox {
  readonly sandboxId: string;
  readonly hostname: string;
  /** Lines of resolv.conf. */
  readonly dns: readonly string[];
  readonly networkNamespace?: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly configPath?: string;
}

export interface SandboxStatus {
  readonly sandboxId: string;
  readonly pid: number;
  readonly ready: boolean;
  readonly createdAt: Date;
  readonly exit?: { readonly status: number; readonly exitedAt: Date };
}

/** Messages of containerd's sandbox API. */
export const createSandbox = defineRequest<CreateSandbox, void>("sandbox.create");
export const startSandbox = defineRequest<{ sandboxId: string }, { pid: number; createdAt: Date }>("sandbox.start");
export const stopSandbox = defineRequest<{ sandboxId: string; timeoutMs: number }, void>("sandbox.stop");
export const waitSandbox = defineRequest<{ sandboxId: string }, { status: number; exitedAt: Date }>("sandbox.wait");
export const sandboxStatus = defineRequest<{ sandboxId: string }, SandboxStatus>("sandbox.status");
export const shutdownSandbox = defineRequest<{ sandboxId: string }, void>("sandbox.shutdown");
