import { netlinkErrors } from "./errors.js";

const form = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i;

/** Whether a text is a MAC of six bytes. */
export const isHardwareAddress = (text: string): boolean => form.test(text);

/** The six bytes of a MAC (`02:00:00:00:00:01`); `KATA_NETLINK_VALUE` for anything else. */
export function parseHardwareAddress(text: string): Uint8Array {
  if (isHardwareAddress(text)) return Buffer.from(text.replaceAll(":", ""), "hex");
  const why = "a MAC has six bytes, as in 02:00:00:00:00:01";
  throw netlinkErrors.KATA_NETLINK_VALUE({ what: `the hardware address ${JSON.stringify(text)}`, why });
}

/** A MAC in lower case with colons, of however many bytes the link has. */
export const formatHardwareAddress = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
