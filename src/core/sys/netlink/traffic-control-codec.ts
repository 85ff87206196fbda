import { AttributeWriter, Attributes, attributesOf } from "./attributes.js";
import { netlinkErrors } from "./errors.js";
import {
  type Filter,
  type Mirred,
  type NewFilter,
  type NewQdisc,
  type Qdisc,
  TrafficHandle,
} from "./traffic-control.js";

/** Bytes of a `struct tcmsg`. */
const headerBytes = 20;

/** `TCA_*`, linux/rtnetlink.h. */
const attribute = { kind: 1, options: 2 } as const;

/** `TCA_TBF_*`, linux/pkt_sched.h; parameters are a `struct tc_tbf_qopt` of 36 bytes. */
const tbf = { parameters: 1, rate64: 4, burst: 6 } as const;
const tbfBytes = 36;
const tbfLimitAt = 24;
const tbfBufferAt = 28;
const tbfLinkLayerAt = 1;
const ethernetLayer = 1;

/** `TCA_U32_*` and `TCA_MATCHALL_*`: selector and actions. */
const u32 = { selector: 5, actions: 7 } as const;
const matchallActions = 2;

/** `struct tc_u32_sel` with one key that every frame has: value and mask 0. */
const selectorBytes = 16 + 16;
const terminal = 1;

/** `TCA_ACT_*`; parameters of mirred are a `struct tc_mirred` of 28 bytes. */
const action = { kind: 1, options: 2 } as const;
const mirredParameters = 2;
const mirredBytes = 28;

/** `TCA_EGRESS_REDIR` and its kin, in the order of the kernel, and what becomes of the frame. */
const mirredKinds: readonly Pick<Mirred, "mode" | "direction">[] = [
  { mode: "redirect", direction: "egress" },
  { mode: "mirror", direction: "egress" },
  { mode: "redirect", direction: "ingress" },
  { mode: "mirror", direction: "ingress" },
];
const stolen = 4;
const pipe = 3;

/** `ETH_P_ALL`, in network order where the kernel wants it. */
const everyProtocol = 0x0003;
const swap = (word: number): number => ((word & 0xff) << 8) | (word >> 8);

/** Kernel ticks of the packet scheduler: 1 / 64 of a microsecond (`PSCHED_TICKS_PER_SEC`, since Linux 2.6.35). */
const nanosecondsPerTick = 64;
const largestU32 = 0xffffffff;

interface Place {
  readonly link: number;
  readonly parent: number;
  readonly handle?: number;
  readonly info?: number;
}

function header({ link, parent, handle = 0, info = 0 }: Place): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  bytes.writeInt32LE(link, 4);
  bytes.writeUInt32LE(handle, 8);
  bytes.writeUInt32LE(parent, 12);
  bytes.writeUInt32LE(info >>> 0, 16);
  return bytes;
}

/** Asks for the qdiscs, or for the filters of one parent. */
export const encodeTrafficQuery = (link = 0, parent = 0): Buffer => header({ link, parent });

/** What `RTM_NEWQDISC` takes. */
export function encodeNewQdisc(qdisc: NewQdisc): Buffer {
  const attributes = new AttributeWriter().text(attribute.kind, qdisc.kind);
  if (qdisc.kind !== "tbf") {
    const handle = TrafficHandle.ingressQdisc;
    return Buffer.concat([header({ link: qdisc.link, parent: TrafficHandle.ingress, handle }), attributes.finish()]);
  }
  const { rate, burst, limit } = qdisc.tokenBucket;
  const parameters = Buffer.alloc(tbfBytes);
  parameters.writeUInt8(ethernetLayer, tbfLinkLayerAt);
  parameters.writeUInt32LE(Math.min(rate, largestU32), 8);
  parameters.writeUInt32LE(Math.min(limit, largestU32), tbfLimitAt);
  parameters.writeUInt32LE(Math.min(ticks(burst, rate), largestU32), tbfBufferAt);
  attributes.nested(attribute.options, (options) => {
    options.bytes(tbf.parameters, parameters).u32(tbf.burst, burst);
    if (rate > largestU32) options.u64(tbf.rate64, BigInt(rate));
  });
  return Buffer.concat([header({ link: qdisc.link, parent: TrafficHandle.root }), attributes.finish()]);
}

/** How long `bytes` take at `rate` bytes a second, in ticks. */
const ticks = (bytes: number, rate: number): number => Math.floor((bytes * 1e9) / rate / nanosecondsPerTick);

/** What `RTM_DELQDISC` takes: the qdisc that hangs there, whatever its kind. */
export function encodeQdiscRemoval(link: number, parent: number): Buffer {
  return header({ link, parent, ...(parent === TrafficHandle.ingress && { handle: TrafficHandle.ingressQdisc }) });
}

/** Reads a qdisc. */
export function parseQdisc(payload: Buffer): Qdisc {
  const { link, parent, handle, attributes } = parseHeader(payload);
  const kind = attributes.text(attribute.kind) ?? "";
  const parameters = kind === "tbf" ? attributes.nested(attribute.options)?.bytes(tbf.parameters) : undefined;
  if (parameters === undefined || parameters.length < tbfBytes) return { link, kind, handle, parent };
  const rate64 = attributes.nested(attribute.options)?.u64(tbf.rate64);
  const rate = rate64 === undefined ? parameters.readUInt32LE(8) : Number(rate64);
  const burst = Math.round((parameters.readUInt32LE(tbfBufferAt) * nanosecondsPerTick * rate) / 1e9);
  return { link, kind, handle, parent, tokenBucket: { rate, burst, limit: parameters.readUInt32LE(tbfLimitAt) } };
}

/** What `RTM_NEWTFILTER` takes. */
export function encodeNewFilter({ link, parent, kind, priority = 0, mirred }: NewFilter): Buffer {
  const attributes = new AttributeWriter().text(attribute.kind, kind);
  attributes.nested(attribute.options, (options) => {
    if (kind === "u32") options.bytes(u32.selector, everyFrame());
    options.nested(kind === "u32" ? u32.actions : matchallActions, (actions) => writeMirred(actions, mirred));
  });
  const info = (priority << 16) | swap(everyProtocol);
  return Buffer.concat([header({ link, parent, info }), attributes.finish()]);
}

function everyFrame(): Uint8Array {
  const selector = Buffer.alloc(selectorBytes);
  selector.writeUInt8(terminal, 0);
  selector.writeUInt8(1, 2);
  return selector;
}

function writeMirred(actions: AttributeWriter, { mode, direction, link }: Mirred): void {
  const which = mirredKinds.findIndex((one) => one.mode === mode && one.direction === direction);
  const parameters = Buffer.alloc(mirredBytes);
  parameters.writeInt32LE(mode === "redirect" ? stolen : pipe, 8);
  parameters.writeInt32LE(which + 1, 20);
  parameters.writeUInt32LE(link, 24);
  actions.nested(1, (first) => {
    first.text(action.kind, "mirred");
    first.nested(action.options, (options) => options.bytes(mirredParameters, parameters));
  });
}

/** Reads a filter; undefined for what has no action, such as the hash tables of u32. */
export function parseFilter(payload: Buffer): Filter | undefined {
  const { link, parent, handle, info, attributes } = parseHeader(payload);
  const kind = attributes.text(attribute.kind) ?? "";
  const actions = attributes.nested(attribute.options)?.bytes(kind === "matchall" ? matchallActions : u32.actions);
  if (actions === undefined) return undefined;
  const mirred = parseMirred(actions);
  return {
    link,
    parent,
    kind,
    priority: info >>> 16,
    handle,
    protocol: swap(info & 0xffff),
    ...(mirred !== undefined && { mirred }),
  };
}

function parseMirred(actions: Buffer): Mirred | undefined {
  for (const [, bytes] of attributesOf(actions)) {
    const one = Attributes.parse(bytes);
    if (one.text(action.kind) !== "mirred") continue;
    const parameters = one.nested(action.options)?.bytes(mirredParameters);
    if (parameters === undefined || parameters.length < mirredBytes) continue;
    const found = mirredKinds[parameters.readInt32LE(20) - 1];
    if (found !== undefined) return { ...found, link: parameters.readUInt32LE(24) };
  }
  return undefined;
}

function parseHeader(payload: Buffer) {
  if (payload.length < headerBytes) {
    throw netlinkErrors.KATA_NETLINK_BROKEN({ why: `traffic control of ${payload.length} bytes` });
  }
  return {
    link: payload.readInt32LE(4),
    handle: payload.readUInt32LE(8),
    parent: payload.readUInt32LE(12),
    info: payload.readUInt32LE(16),
    attributes: Attributes.parse(payload.subarray(headerBytes)),
  };
}
