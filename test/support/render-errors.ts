import type { ErrorArea } from "../../src/bin/kata-ts/explanations/index.js";
import type { TabledCode } from "./error-tables.js";

const head = `# Errors

Every error of kata-ts has a code that never changes its meaning and a status as gRPC has it; the message may change. Programs
print the codes in brackets behind the message, the innermost last, and the shim tells them containerd, so that \`ctr\`, \`crictl\` and
events of Kubernetes show them; \`kata-ts explain CODE\` prints what is said here.

Generated from the tables of errors (\`errors.ts\` beside the code) and \`src/bin/kata-ts/explanations\`: "npm run reference" renews it.
In messages \`<name>\` stands for what the error fills in.
`;

const quoted = (message: string) => ["```", message, "```"];

function section(code: string, rows: readonly TabledCode[], { codes }: ErrorArea): string[] {
  const { cause = "", cure = "" } = codes[code] ?? {};
  const tables = rows.flatMap(({ status, file, message }) => [
    `\`${status}\`, from [\`${file}\`](../${file})`,
    "",
    ...quoted(message),
    "",
  ]);
  return [`### ${code}`, "", ...tables, `- Cause: ${cause}`, `- Cure: ${cure}`, ""];
}

/** The page of all errors, by area and in the order of the explanations. */
export function renderErrors(tabled: readonly TabledCode[], areas: readonly ErrorArea[]): string {
  const index = areas.map(({ title, codes }) => {
    const links = Object.keys(codes).map((code) => `[${code}](#${code.toLowerCase()})`);
    return `**${title}**: ${links.join(", ")}\n`;
  });
  const sections = areas.flatMap((area) => [
    `## ${area.title}`,
    "",
    ...Object.keys(area.codes).flatMap((code) =>
      section(
        code,
        tabled.filter((row) => row.code === code),
        area,
      ),
    ),
  ]);
  return [head, ...index, ...sections].join("\n").trimEnd().concat("\n");
}
