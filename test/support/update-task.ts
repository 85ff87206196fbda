import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { UpdateTaskRequest } from "../../src/core/proto/gen/containerd/task.js";

/**
 * Sets limits of a task through containerd's own API, which `ctr` has no word for. Its request has the fields of the shim's.
 * Rejects with gRPC's error.
 */
export function updateTask(address: string, id: string, resources: unknown): Promise<void> {
  const client = new Client(`unix://${address}`, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set("containerd-namespace", "default");
  const typeUrl = "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources";
  const value = Buffer.from(JSON.stringify(resources));
  const request = UpdateTaskRequest.fromPartial({ id, resources: { typeUrl, value } });
  const deadline = Date.now() + 20_000;
  return new Promise<void>((resolve, reject) => {
    client.makeUnaryRequest(
      "/containerd.services.tasks.v1.Tasks/Update",
      (message: UpdateTaskRequest) => Buffer.from(UpdateTaskRequest.encode(message).finish()),
      (answer) => answer,
      request,
      metadata,
      { deadline },
      (error) => (error === null ? resolve() : reject(error)),
    );
  }).finally(() => client.close());
}
