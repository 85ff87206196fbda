/** What is done when the process exits. */
const all = new Set<() => void>();

function exit(): void {
  for (const one of all) one();
}

/**
 * Has something done when the process exits, in whatever way Node is told of; the answer takes it back. What is not over when
 * it returns is not waited for.
 */
export function atExit(what: () => void): () => void {
  if (all.size === 0) process.on("exit", exit);
  all.add(what);
  return () => {
    all.delete(what);
    if (all.size === 0) process.off("exit", exit);
  };
}
