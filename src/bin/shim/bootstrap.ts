import { readSync } from "node:fs";
import { isatty } from "node:tty";
import { BootstrapParams } from "../../core/proto/gen/containerd/bootstrap.js";
import { type ShimArguments, assertIdentifier } from "./arguments.js";
import { shimErrors } from "./errors.js";

const sizeLimit = 10 * 1024 * 1024;

/** What containerd 2.3 and later say on the standard input, where older ones have flags and environment. */
export interface Bootstrap {
  readonly parameters: ShimArguments;
  readonly eventsAddress: string;
}

/** Reads the bootstrap parameters; `KATA_SHIM_PARAMETERS` when there are none. */
export function readBootstrap(descriptor: number, given: ShimArguments): Bootstrap {
  const fault = (problem: string, cause?: unknown) => shimErrors.KATA_SHIM_PARAMETERS({ problem }, { cause });
  if (isatty(descriptor)) throw fault("it is a terminal");
  const bytes = readAll(descriptor);
  if (bytes === undefined) throw fault(`there are more than ${sizeLimit} bytes`);
  if (bytes.length === 0) throw fault("it is empty");
  let params: BootstrapParams;
  try {
    params = BootstrapParams.decode(bytes);
  } catch (error) {
    throw fault("it cannot be decoded", error);
  }
  assertIdentifier("the instance id", params.instanceId);
  assertIdentifier("the namespace", params.namespace);
  return {
    parameters: {
      ...given,
      id: params.instanceId,
      namespace: params.namespace,
      address: params.containerdGrpcAddress,
      debug: given.debug || params.logLevel < 0,
    },
    eventsAddress: params.containerdTtrpcAddress,
  };
}

function readAll(descriptor: number): Buffer | undefined {
  const pieces: Buffer[] = [];
  for (let size = 0; ; ) {
    const piece = Buffer.alloc(65_536);
    const length = readSync(descriptor, piece);
    if (length === 0) return Buffer.concat(pieces);
    size += length;
    if (size > sizeLimit) return undefined;
    pieces.push(piece.subarray(0, length));
  }
}
