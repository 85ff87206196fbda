import type { Shell } from "./shell.js";

/** Milliseconds that a script takes by the guest's own clock, which counts hundredths of a second. */
export async function guestTime(shell: Shell, script: string): Promise<number> {
  const now = "cut -d ' ' -f 1 /proc/uptime";
  const text = await shell.run(`${now} && { ${script}; } >/dev/null 2>&1 && ${now}`);
  // Where the shell is on the console, a prompt or words of the kernel may be in between.
  const [start, end] = [...text.matchAll(/(\d+\.\d\d)$/gm)].map(([, seconds]) => Number(seconds));
  if (start === undefined || end === undefined) throw new Error(`no times: ${text}`);
  return (end - start) * 1000;
}
