import { attributeOperations } from "./attribute-operations.js";
import { dataOperations } from "./data-operations.js";
import { directoryOperations } from "./directory-operations.js";
import { entryOperations } from "./entry-operations.js";
import { fileOperations } from "./file-operations.js";
import type { Operation } from "./operation.js";
import { opcode } from "./protocol.js";
import { sessionOperations } from "./session-operations.js";
import { xattrOperations } from "./xattr-operations.js";

type Name = keyof typeof opcode;

/** All that is served of a session that has begun; INTERRUPT and DESTROY are the server's own. */
const named: Readonly<Record<Exclude<Name, "init" | "interrupt" | "destroy">, Operation>> = {
  ...attributeOperations,
  ...dataOperations,
  ...directoryOperations,
  ...entryOperations,
  ...fileOperations,
  ...sessionOperations,
  ...xattrOperations,
};

/** Operations by their numbers. */
export const operations: ReadonlyMap<number, Operation> = new Map(
  Object.entries(named).map(([name, operation]) => [opcode[name as Name], operation]),
);
