import { describeError } from "../../core/errors/error.js";
import type { LoadNode, LoadRoot } from "../../core/plugin/load-tree.js";
import { formatTable } from "./output.js";

/** One line of a tree. */
interface Line {
  readonly name: string;
  readonly node: LoadNode | undefined;
}

const time = (ms: number | undefined): string => (ms === undefined ? "" : `${ms.toFixed(1)} ms`);

/** The lines of a tree for people: who asked for whom, how long it took, and what came of it. */
export function formatTree(roots: readonly LoadRoot[]): string[] {
  const rows = roots.flatMap(({ owner, children }): Line[] => [
    { name: owner, node: undefined },
    ...linesOf(children, ""),
  ]);
  return formatTable<Line>({
    rows,
    columns: [
      { title: "PLUGIN", cell: ({ name }) => name },
      { title: "STATE", cell: ({ node }) => node?.state ?? "" },
      { title: "TIME", cell: ({ node }) => time(node?.ms) },
      { title: "OWN", cell: ({ node }) => time(node?.ownMs) },
      { title: "CONFIG", cell: ({ node }) => time(node?.configMs) },
      { title: "ASKED FOR BY", cell: ({ node }) => (node === undefined ? "" : reasonOf(node)) },
    ],
  });
}

function linesOf(nodes: readonly LoadNode[], indent: string): Line[] {
  return nodes.flatMap((node, index) => {
    const isLast = index === nodes.length - 1;
    const name = `${indent}${isLast ? "└─" : "├─"} ${node.id}`;
    return [{ name, node }, ...linesOf(node.children, `${indent}${isLast ? "   " : "│  "}`)];
  });
}

function reasonOf({ where, origin, error, state }: LoadNode): string {
  const from = origin === "built-in" ? "" : `; ${origin}`;
  return `${where}${from}${state === "failed" ? `; ${describeError(error).replaceAll(/\s*\n\s*/g, " ")}` : ""}`;
}

/** A tree as JSON has it: errors as their words. */
export function plainTree(roots: readonly LoadRoot[]): unknown {
  const plain = ({ error, children, ...node }: LoadNode): unknown => ({
    ...node,
    ...(error !== undefined && { error: describeError(error) }),
    children: children.map(plain),
  });
  return roots.map(({ owner, children }) => ({ owner, children: children.map(plain) }));
}
