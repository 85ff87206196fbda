import type { Shell } from "./shell.js";

/** Seconds in which what has brought a script to a shell is done with that: a guest has one processor, and pays for both. */
const quietSeconds = 0.5;

/** Milliseconds that a script takes by the guest's own clock, which busybox's shell reads without starting a program. */
export async function guestTime(shell: Shell, script: string): Promise<number> {
  const now = 'echo "at $EPOCHREALTIME"';
  const text = await shell.run(`sleep ${quietSeconds}; ${now} && { ${script}; } >/dev/null 2>&1 && ${now}`);
  // Where the shell is on the console, a prompt or words of the kernel may be in between.
  const [start, end] = [...text.matchAll(/at (\d+\.\d{6})$/gm)].map(([, seconds]) => Number(seconds));
  if (start === undefined || end === undefined) throw new Error(`no times: ${text}`);
  return (end - start) * 1000;
}
