/** Text of a configuration whose machines go on from a template, with `memory` MiB each. */
export function templateConfig({ memory, template }: { readonly memory: number; readonly template: string }): string {
  const lines = [
    "[runtime]",
    'hypervisor_name = "dragonball"',
    "[hypervisor.dragonball]",
    'shared_fs = "inline-virtio-fs"',
    `default_memory = ${memory}`,
    "[hypervisor.dragonball.factory]",
    "enable_template = true",
    `template_path = ${JSON.stringify(template)}`,
    "[agent.kata]",
    "reconnect_timeout_ms = 300000",
  ];
  return `${lines.join("\n")}\n`;
}
