import type { OciSpec } from "../oci/spec.js";
import { sandboxErrors } from "./errors.js";

/** What a container is to its sandbox. */
export type ContainerRole = "single" | "sandbox" | "container";

/** Which sandbox a container belongs to. */
export interface ContainerIdentity {
  readonly role: ContainerRole;
  readonly sandboxId: string;
}

const typeKeys = [
  "io.kubernetes.cri-o.ContainerType",
  "io.kubernetes.cri.container-type",
  "io.kubernetes.docker.type",
] as const;

const sandboxKeys = [
  "io.kubernetes.cri-o.SandboxID",
  "io.kubernetes.cri.sandbox-id",
  "io.kubernetes.sandbox.id",
] as const;

const roles: Readonly<Record<string, ContainerRole>> = {
  sandbox: "sandbox",
  podsandbox: "sandbox",
  pod_sandbox: "sandbox",
  container: "container",
  pod_container: "container",
  single_container: "single",
};

function first(annotations: Readonly<Record<string, string>>, keys: readonly string[]): [string, string] | undefined {
  for (const key of keys) {
    const value = annotations[key];
    if (value !== undefined) return [key, value];
  }
  return undefined;
}

/**
 * Reads from annotations whether a container is a sandbox, part of one, or alone: the first key that is there
 * counts. A container alone is its own sandbox.
 */
export function containerIdentity(id: string, spec: Pick<OciSpec, "annotations">): ContainerIdentity {
  const annotations = spec.annotations ?? {};
  const type = first(annotations, typeKeys);
  const role = type === undefined ? "single" : roles[type[1]];
  if (role === undefined) {
    const [key, value] = type ?? ["", ""];
    throw sandboxErrors.KATA_SANDBOX_ROLE({ key, value, known: Object.keys(roles) });
  }
  if (role !== "container") return { role, sandboxId: id };
  const sandbox = first(annotations, sandboxKeys);
  if (sandbox === undefined) throw sandboxErrors.KATA_SANDBOX_UNNAMED({ id, keys: sandboxKeys });
  return { role, sandboxId: sandbox[1] };
}
