import type { OciLinuxResources, OciProcess } from "../../../core/oci/spec.js";
import type { Any } from "../../../core/proto/gen/google/protobuf/any.js";
import { taskErrors } from "./errors.js";
import { parseJson } from "./json-text.js";
import { checkProcess, checkResources } from "./spec-shape.js";
import { typeName } from "./type-name.js";

/** The part of the OCI specification whose JSON an `Any` carries, under the name containerd's typeurl gave it. */
function ociJson(what: string, any: Any | undefined, name: "Process" | "LinuxResources"): unknown {
  const wanted = `types.containerd.io/opencontainers/runtime-spec/<version>/${name}`;
  const type = typeName(any?.typeUrl ?? "");
  if (
    any === undefined ||
    !new RegExp(`^types\\.containerd\\.io/opencontainers/runtime-spec/[^/]+/${name}$`).test(type)
  ) {
    throw taskErrors.KATA_TASK_PAYLOAD({ what, type, wanted });
  }
  return parseJson(what, new TextDecoder().decode(any.value));
}

/** The process that an Exec request wants run. */
export function readProcess(any: Any | undefined): OciProcess {
  const what = "the process to be executed";
  return checkProcess(what, ociJson(what, any, "Process"));
}

/** The resources that an Update request wants set. */
export function readResources(any: Any | undefined): OciLinuxResources {
  const what = "the resources to be set";
  return checkResources(what, ociJson(what, any, "LinuxResources"));
}
