import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Writes a logger for `binary://`: it appends stdout to the file that its argument `to` names, stderr to that with `.err`,
 * and to that with `.life` its environment and descriptors, and its end.
 */
export function writeLogger(directory: string): string {
  const path = join(directory, "logger.sh");
  const script = `#!/bin/sh
# Called as: logger.sh to FILE
file=$2
env | grep -v '^PWD=' | sort >> "$file.life"
# Without another process, for which the shell would open some of its own.
for fd in 0 1 2 3 4 5 6 7 8 9; do [ -e "/proc/$$/fd/$fd" ] && printf '%s ' "$fd"; done >> "$file.life"
exec 5>&-
cat <&3 >> "$file" 4<&- &
cat <&4 >> "$file.err"
wait
echo ended >> "$file.life"
`;
  writeFileSync(path, script);
  chmodSync(path, 0o755);
  return path;
}
