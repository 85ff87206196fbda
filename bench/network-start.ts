import { TestPod } from "../test/support/test-pod.js";
import type { Row } from "./row.js";
import { Starts } from "./starts.js";
import { inTurns, median } from "./turns.js";

const rounds = 5;
const links = 8;

/** The start of a container in a pod with many links, against one in a pod with one; and what threads that takes. */
export async function run(): Promise<Row[]> {
  const [one, many] = [new TestPod(), new TestPod()];
  const [few, all] = [new Starts(), new Starts()];
  try {
    for (let number = 2; number <= links; number++) many.addPair(`eth${number - 1}`, `peer${number - 1}`, number);
    const times = await inTurns(rounds, {
      one: () => few.time(one.namespace),
      many: () => all.time(many.namespace),
    });
    const against = { name: "1 link", value: median(times.one) };
    const value = median(times.many);
    const threads = { name: "1 link", value: median(few.threads) };
    return [
      {
        name: `start in a pod of ${links} links`,
        value,
        unit: "ms",
        against,
        ratio: value / against.value,
        limit: 1.2,
      },
      {
        name: `threads with ${links} links`,
        value: median(all.threads),
        unit: "",
        against: threads,
        ratio: median(all.threads) / threads.value,
        limit: 1,
      },
    ];
  } finally {
    for (const pod of [one, many]) pod.close();
    for (const starts of [few, all]) starts.close();
  }
}
