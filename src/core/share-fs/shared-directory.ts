import { join } from "node:path";
import { checkShareName } from "./share-name.js";

/** Names the shared tree of one sandbox. */
export interface SharedPlace {
  /** `Roots.shared`. */
  readonly root: string;
  readonly namespace: string;
  readonly sandboxId: string;
}

/** `<root>/<namespace>@<sandbox>`: no two sandboxes have the same one, since `@` is in neither name. */
export function sharedDirectory({ root, namespace, sandboxId }: SharedPlace): string {
  const name = `${namespace}@${sandboxId}`;
  checkShareName(name);
  if (name.includes("/")) throw new RangeError(`not the name of a sandbox: ${JSON.stringify(name)}`);
  return join(root, name);
}
