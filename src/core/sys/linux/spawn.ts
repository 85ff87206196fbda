import type { SpawnRequest } from "../processes.js";
import { type CValue, checkString, type Libc } from "./libc.js";

/** Bytes of glibc's (336) and musl's attributes, and of their lists of file actions (80), with room to spare. */
const attributesBytes = 512;
const actionsBytes = 256;

/** Bytes of a `sigset_t`. */
const signalSetBytes = 128;

const setDefaultSignals = 0x04;
const setSignalMask = 0x08;
const newSession = 0x80;

/**
 * A NULL-terminated list of C strings in one piece of memory that also holds the strings, which the list points to: memory
 * that only an address elsewhere refers to could be collected during the call.
 */
function stringList(libc: Libc, strings: readonly string[]): Buffer {
  const texts = strings.map((text) => Buffer.from(`${text}\0`));
  const pointers = (strings.length + 1) * 8;
  const memory = Buffer.allocUnsafeSlow(pointers + texts.reduce((sum, text) => sum + text.length, 0));
  const base = libc.koffi.address(memory);
  let at = pointers;
  for (const [index, text] of texts.entries()) {
    memory.writeBigUInt64LE(base + BigInt(at), index * 8);
    at += text.copy(memory, at);
  }
  memory.writeBigUInt64LE(0n, strings.length * 8);
  return memory;
}

/** Calls one of the posix_spawn family, which return the errno and do not set it. */
function checked(libc: Libc, prototype: string, call: string, ...args: CValue[]): void {
  const errno = libc.attempt(prototype, ...args);
  if (errno !== 0) throw libc.error(call, [], errno);
}

function spawnAttributes(libc: Libc, request: SpawnRequest): Buffer {
  const attributes = Buffer.alloc(attributesBytes);
  const every = Buffer.alloc(signalSetBytes, 0xff);
  const none = Buffer.alloc(signalSetBytes);
  const flags = setDefaultSignals | setSignalMask | (request.newSession === true ? newSession : 0);
  checked(libc, "int posix_spawnattr_init(void*)", "posix_spawnattr_init", attributes);
  const setSignals = "int posix_spawnattr_setsigdefault(void*, void*)";
  checked(libc, setSignals, "posix_spawnattr_setsigdefault", attributes, every);
  const setMask = "int posix_spawnattr_setsigmask(void*, void*)";
  checked(libc, setMask, "posix_spawnattr_setsigmask", attributes, none);
  const setFlags = "int posix_spawnattr_setflags(void*, int16_t)";
  checked(libc, setFlags, "posix_spawnattr_setflags", attributes, flags);
  return attributes;
}

/** See `Processes.spawn`. */
export function spawnProcess(libc: Libc, request: SpawnRequest): number {
  const { file, args, env, fds } = request;
  for (const text of [...args, ...env]) checkString(text);
  const actions = Buffer.alloc(actionsBytes);
  const attributes = spawnAttributes(libc, request);
  checked(libc, "int posix_spawn_file_actions_init(void*)", "posix_spawn_file_actions_init", actions);
  try {
    const add = "int posix_spawn_file_actions_adddup2(void*, int, int)";
    for (const [to, from] of fds.entries()) checked(libc, add, "posix_spawn_file_actions_adddup2", actions, from, to);
    const pid = Buffer.alloc(4);
    const argv = stringList(libc, args);
    const envp = stringList(libc, env);
    const prototype = "int posix_spawn(void*, str, void*, void*, void*, void*)";
    const errno = libc.attempt(prototype, pid, file, actions, attributes, argv, envp);
    if (errno !== 0) throw libc.error("posix_spawn", [file, ...args.slice(1)], errno);
    return pid.readInt32LE(0);
  } finally {
    libc.attempt("int posix_spawn_file_actions_destroy(void*)", actions);
  }
}
