import { defineRequest } from "../dispatch/message.js";

/** A volume whose size somebody outside manages, by the path on the host by which pods name it. */
export interface VolumeName {
  readonly source: string;
}

/** What the guest counts of a volume: an object of JSON, shaped as the Container Storage Interface has it. */
export const volumeStats = defineRequest<VolumeName, { readonly json: string }>("volume.stats");
/** Has the guest's file system have so many bytes of the volume at least; what it has already it keeps. */
export const resizeVolume = defineRequest<VolumeName & { readonly bytes: number }, void>("volume.resize");
