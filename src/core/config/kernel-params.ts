/** Parameters that choose what the guest runs first, what its root is, or that speak to the agent in it. */
const guardedNames = new Set([
  "init",
  "rdinit",
  "root",
  "rootflags",
  "rootfstype",
  "rootdelay",
  "ro",
  "rw",
  "initrd",
  "initrdmem",
  "noinitrd",
  "dm_mod.create",
]);

/** Whole families of them. `sysctl.` can name a program for the kernel to run. */
const guardedPrefixes = ["agent.", "kata.", "systemd.", "rd.", "sysctl."];

/** The name of a parameter, `-` and `_` being the same to the kernel. */
export function kernelParamName(param: string): string {
  const equals = param.indexOf("=");
  return (equals < 0 ? param : param.slice(0, equals)).replaceAll("-", "_");
}

/** Whether a pod may set a parameter only when configuration names it, as `kernel_params.<name>`. */
export function isGuardedKernelParam(param: string): boolean {
  const name = kernelParamName(param);
  return guardedNames.has(name) || guardedPrefixes.some((prefix) => name.startsWith(prefix));
}

/** Splits a command line the way the kernel does: at blanks that are not between double quotes. */
export function splitKernelParams(text: string): string[] {
  return text.match(/(?:[^\s"]|"[^"]*(?:"|$))+/g) ?? [];
}

/**
 * A command line with parameters replaced: those of `current` that `added` names are gone, `added` comes after the rest, but
 * before a `--`, after which everything is for the init program.
 */
export function replaceKernelParams(current: string, added: readonly string[]): string {
  const names = new Set(added.map(kernelParamName));
  const all = splitKernelParams(current);
  const dashes = all.indexOf("--");
  const end = dashes < 0 ? all.length : dashes;
  const kept = all.slice(0, end).filter((param) => !names.has(kernelParamName(param)));
  return [...kept, ...added, ...all.slice(end)].join(" ");
}
