/**
 * Waits for the end of all, also when one fails, so that nothing goes on behind whoever undoes them then. Rejects with the error
 * of the first one that failed, in their order.
 */
export async function settleAll(steps: readonly Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(steps)) if (result.status === "rejected") throw result.reason;
}
