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
# By a file: the shell would hold a pipe open itself meanwhile.
ls /proc/$$/fd > "$file.fds"
tr '\\n' ' ' < "$file.fds" >> "$file.life"
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
