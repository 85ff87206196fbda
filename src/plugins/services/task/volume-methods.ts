import { resizeVolume, volumeStats } from "../../../core/messages/volume.js";
import type { VolumesDefinition } from "../../../core/proto/gen/kata-ts/volumes.js";
import type { CallContext, Implementation } from "../../../core/rpc/definition.js";
import { taskErrors } from "./errors.js";
import type { Send } from "./send.js";

const nothing = {};

/** The methods of `kata_ts.volumes.v1.Volumes`, for this project's own program: each is one message to the dispatcher. */
export function volumeMethods(send: Send, ready: () => boolean): Implementation<typeof VolumesDefinition> {
  const assertReady = (source: string): void => {
    if (!ready()) throw taskErrors.KATA_TASK_NONE({ id: source });
  };
  return {
    async stats({ source }, context: CallContext) {
      assertReady(source);
      return send(volumeStats({ source }), context);
    },
    async resize({ source, bytes }, context: CallContext) {
      assertReady(source);
      await send(resizeVolume({ source, bytes: Number(bytes) }), context);
      return nothing;
    },
  };
}
