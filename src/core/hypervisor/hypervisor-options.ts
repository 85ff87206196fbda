import type { EffectiveConfig } from "../config/effective.js";
import type { HypervisorConfig } from "../config/keys/hypervisor.js";
import type { KvmVerdict } from "../kvm/verdict-cache.js";
import type { Logger } from "../log.js";
import type { Roots, SandboxInfo } from "../plugin/context.js";
import type { Sys } from "../sys/sys.js";

/** What a machine of a sandbox is made with, whatever the hypervisor. */
export interface HypervisorOptions {
  readonly sys: Sys;
  readonly log: Logger;
  readonly roots: Pick<Roots, "guestCache" | "run">;
  readonly config: EffectiveConfig;
  /** `[hypervisor.<name>]`. */
  readonly settings: HypervisorConfig;
  readonly sandbox: SandboxInfo;
  /** Whether KVM works; the probe unless told. */
  readonly probe?: () => Promise<KvmVerdict>;
}
