import { fileURLToPath } from "node:url";
import { Client, credentials, loadPackageDefinition, type ServiceClientConstructor } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

/** The interface's messages are beside the sources: the compiler does not copy them. */
const proto = fileURLToPath(new URL("../../../../test/support/cri/runtime.proto", import.meta.url));

/** Milliseconds that a request may take: a pod boots a machine, which may be emulated. */
const requestTime = 120_000;

/** What a command of a container came to. */
export interface ExecResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a pod is described. */
export interface PodConfig {
  readonly metadata: { readonly name: string; readonly uid: string; readonly namespace: string };
  readonly hostname?: string;
  readonly dns_config?: { readonly servers?: readonly string[]; readonly searches?: readonly string[] };
  readonly port_mappings?: readonly { protocol: string; container_port: number; host_port: number; host_ip?: string }[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux?: { readonly security_context?: { readonly namespace_options?: { readonly network?: string } } };
}

/** A client of the Container Runtime Interface, as the kubelet is one. */
export class CriClient {
  readonly #client: Client;

  constructor(address: string) {
    const options = { keepCase: true, longs: Number, enums: String, defaults: true } as const;
    const loaded = loadPackageDefinition(loadSync(proto, options)) as unknown as {
      runtime: { v1: { RuntimeService: ServiceClientConstructor } };
    };
    this.#client = new loaded.runtime.v1.RuntimeService(`unix:${address}`, credentials.createInsecure());
  }

  close(): void {
    this.#client.close();
  }

  async version(): Promise<string> {
    return (await this.#call<{ runtime_version: string }>("Version", {})).runtime_version;
  }

  async runPod(config: PodConfig, runtime_handler: string): Promise<string> {
    const answer = await this.#call<{ pod_sandbox_id: string }>("RunPodSandbox", { config, runtime_handler });
    return answer.pod_sandbox_id;
  }

  /** The addresses of a pod. */
  async addresses(pod_sandbox_id: string): Promise<string[]> {
    const { status } = await this.#call<{
      status: { network: { ip: string; additional_ips: { ip: string }[] } | null };
    }>("PodSandboxStatus", { pod_sandbox_id });
    const { network } = status;
    return [network?.ip ?? "", ...(network?.additional_ips ?? []).map(({ ip }) => ip)].filter((ip) => ip !== "");
  }

  async stopPod(pod_sandbox_id: string): Promise<void> {
    await this.#call("StopPodSandbox", { pod_sandbox_id });
  }

  async removePod(pod_sandbox_id: string): Promise<void> {
    await this.#call("RemovePodSandbox", { pod_sandbox_id });
  }

  async createContainer(
    pod_sandbox_id: string,
    sandbox_config: PodConfig,
    container: { readonly name: string; readonly image: string; readonly command: readonly string[] },
  ): Promise<string> {
    const { name, image, command } = container;
    const config = { metadata: { name }, image: { image }, command, log_path: "" };
    const request = { pod_sandbox_id, config, sandbox_config };
    return (await this.#call<{ container_id: string }>("CreateContainer", request)).container_id;
  }

  async startContainer(container_id: string): Promise<void> {
    await this.#call("StartContainer", { container_id });
  }

  async stopContainer(container_id: string, timeout: number): Promise<void> {
    await this.#call("StopContainer", { container_id, timeout });
  }

  async removeContainer(container_id: string): Promise<void> {
    await this.#call("RemoveContainer", { container_id });
  }

  async containerStatus(container_id: string): Promise<{ readonly state: string; readonly exit_code: number }> {
    const request = { container_id };
    return (await this.#call<{ status: { state: string; exit_code: number } }>("ContainerStatus", request)).status;
  }

  async exec(container_id: string, ...cmd: string[]): Promise<ExecResult> {
    const answer = await this.#call<{ stdout: Buffer; stderr: Buffer; exit_code: number }>("ExecSync", {
      container_id,
      cmd,
      timeout: 60,
    });
    return { status: answer.exit_code, stdout: answer.stdout.toString(), stderr: answer.stderr.toString() };
  }

  #call<T>(method: string, request: object): Promise<T> {
    const deadline = new Date(Date.now() + requestTime);
    return new Promise((resolve, reject) => {
      const call = Reflect.get(this.#client, method) as (
        request: object,
        options: object,
        callback: (error: Error | null, answer: T) => void,
      ) => void;
      call.call(this.#client, request, { deadline }, (error, answer) =>
        error === null ? resolve(answer) : reject(error),
      );
    });
  }
}
