import type { OciLinuxResources } from "../oci/spec.js";

/** `changed` over `old`; members of objects that are in both are taken one by one. */
function over<T extends object>(old: T | undefined, changed: T | undefined): T | undefined {
  return old === undefined || changed === undefined ? (changed ?? old) : { ...old, ...changed };
}

/** Members that change something: 0, of which the agent's protocol does not tell that it was said, leaves a limit as it is. */
const said = <T extends object>(update: T | undefined): Partial<T> | undefined =>
  update && (Object.fromEntries(Object.entries(update).filter(([, value]) => value !== 0)) as Partial<T>);

/**
 * A container's resources after an update, which says what changes and leaves out the rest: limits of huge pages are taken by
 * their page size, those of memory and CPU one by one, where 0 says nothing (as for runc), all other members as a whole.
 */
export function mergeResources(old: OciLinuxResources, update: OciLinuxResources): OciLinuxResources {
  const memory = over(old.memory, said(update.memory));
  const cpu = over(old.cpu, said(update.cpu));
  const pages = new Map(
    [...(old.hugepageLimits ?? []), ...(update.hugepageLimits ?? [])].map((one) => [one.pageSize, one]),
  );
  return {
    ...old,
    ...update,
    ...(memory !== undefined && { memory }),
    ...(cpu !== undefined && { cpu }),
    ...(pages.size > 0 && { hugepageLimits: [...pages.values()] }),
  };
}

const unlimited = -1;

/**
 * The update that takes a container from `update` back to `old`: limits of memory and CPU time that it did not have are
 * unlimited again; everything else that it did not have stays as `update` made it, since nothing says what it was.
 */
export function undoUpdate(old: OciLinuxResources, update: OciLinuxResources): OciLinuxResources {
  const { limit, reservation, swap } = update.memory ?? {};
  const memory = {
    ...(limit !== undefined && { limit: unlimited }),
    ...(reservation !== undefined && { reservation: unlimited }),
    ...(swap !== undefined && { swap: unlimited }),
  };
  const cpu = update.cpu?.quota === undefined ? {} : { quota: unlimited };
  return {
    ...old,
    ...(update.memory && { memory: { ...memory, ...old.memory } }),
    ...(update.cpu && { cpu: { ...cpu, ...old.cpu } }),
  };
}
