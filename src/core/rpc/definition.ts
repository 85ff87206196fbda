import type { BinaryWriter } from "@bufbuild/protobuf/wire";
import type { Metadata, MetadataInput } from "./metadata.js";

/** How a protobuf message is written and read; what the generated code exports under the message's name. */
export interface MessageType<T> {
  encode(message: T, writer?: BinaryWriter): BinaryWriter;
  decode(input: Uint8Array, length?: number): T;
}

/** One procedure of a generated service definition. */
export interface MethodDefinition {
  /** As it is on the wire: `CreateContainer`. */
  readonly name: string;
  readonly requestType: MessageType<unknown>;
  readonly requestStream: boolean;
  readonly responseType: MessageType<unknown>;
  readonly responseStream: boolean;
}

/** A generated service definition (`AgentServiceDefinition`, …). It says nothing of the transport. */
export interface ServiceDefinition {
  /** With its package: `grpc.AgentService`. */
  readonly fullName: string;
  /** By the name they have in TypeScript: `createContainer`. */
  readonly methods: Readonly<Record<string, MethodDefinition>>;
}

/** Message a method takes. */
export type RequestOf<M extends MethodDefinition> = ReturnType<M["requestType"]["decode"]>;

/** Message a method answers with. */
export type ResponseOf<M extends MethodDefinition> = ReturnType<M["responseType"]["decode"]>;

/** What a caller may say about one call. */
export interface CallOptions {
  /**
   * Milliseconds the whole call may take, both sides told. At 0 or below it fails at once; absent: no limit.
   */
  readonly deadlineMs?: number | undefined;
  /** Gives the call up. The protocol has no message for that: the peer goes on and its answer is dropped. */
  readonly signal?: AbortSignal | undefined;
  readonly metadata?: MetadataInput | undefined;
}

/** What a method's implementation is told of the call besides the request. */
export interface CallContext {
  /** Full name of the service, as called. */
  readonly service: string;
  /** Name of the method on the wire. */
  readonly method: string;
  /** Who calls, for logs. */
  readonly peer: string;
  /** Aborted when the deadline passes, the connection is lost or the server is destroyed. */
  readonly signal: AbortSignal;
  /** When the caller stops waiting, in milliseconds since the epoch; undefined: never. */
  readonly deadline: number | undefined;
  readonly metadata: Metadata;
}

type InputOf<M extends MethodDefinition> = M["requestStream"] extends true ? AsyncIterable<RequestOf<M>> : RequestOf<M>;

/** How a client calls one method; an answer that is a stream begins when it is first iterated. */
export type ClientMethod<M extends MethodDefinition> = M["responseStream"] extends true
  ? (input: InputOf<M>, options?: CallOptions) => AsyncIterable<ResponseOf<M>>
  : (input: InputOf<M>, options?: CallOptions) => Promise<ResponseOf<M>>;

/** Client of a service: one function a method. */
export type Client<D extends ServiceDefinition> = {
  readonly [M in keyof D["methods"]]: ClientMethod<D["methods"][M]>;
};

/** How a server answers one method. */
export type ServerMethod<M extends MethodDefinition> = M["responseStream"] extends true
  ? (input: InputOf<M>, context: CallContext) => AsyncIterable<ResponseOf<M>>
  : (input: InputOf<M>, context: CallContext) => Promise<ResponseOf<M>> | ResponseOf<M>;

/** Implementation of a service; a method that is absent is answered with UNIMPLEMENTED. */
export type Implementation<D extends ServiceDefinition> = {
  readonly [M in keyof D["methods"]]?: ServerMethod<D["methods"][M]> | undefined;
};
