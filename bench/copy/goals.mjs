// What Waybill is to achieve, and what a result says about it.
import { bestPeer, bytesOf, clientOf, failureOf, figures, medianOf } from "./figures.mjs";

const GiB = 2 ** 30;
const wall = (client) => medianOf(client, figures.wall);
const cpu = (client) => medianOf(client, figures.cpu);
const resident = (client) => medianOf(client, figures.resident);

/**
 * A goal for one scenario. `read` gives the value that is compared with the `limit`, and where it comes from in words;
 * undefined when the result does not say. `least` goals are met from the limit up, all others down from it.
 */
const goals = [
  ratio("fresh-small", "wall time of the best peer", 0.8, wall),
  ratio("fresh-small", "requests of the best peer", 0.65, (client) => medianOf(client, figures.requests)),
  ratio("fresh-small-40ms", "wall time of the best peer at its defaults", 0.35, wall, "default"),
  ratio("fresh-small-40ms", "wall time of the best tuned peer", 0.6, wall, "tuned"),
  ratio("nothing-to-do", "wall time of the best peer", 1.2, wall),
  plain("nothing-to-do", "requests to the destination for a tag", 1, 2, ({ facts }, client) =>
    divided(medianOf(client, figures.destinationRequests), facts.tags),
  ),
  plain("nothing-to-do", "requests to the source", 0, 0, (_, client) =>
    medianOf(client, figures.sourceRequests),
  ),
  ratio("large", "wall time of the best peer", 1.2, wall),
  plain("large", "resident MiB", 150, 0, (_, client) => resident(client)),
  plain("large", "CPU seconds for a GiB delivered", 3, 2, cpuPerGiB),
  ratio("large-4", "wall time of the best peer's four copies", 1, wall),
  ratio("large-4", "CPU time of the peer that uses least", 1, cpu),
  plain("large-4", "CPU seconds for a GiB delivered", 1.3, 2, cpuPerGiB),
  ratio("large-4-slow-source", "wall time of the best peer's four copies", 0.35, wall),
  // Headers are bytes too, and a few of them are no second reading.
  plain("large-4-slow-source", "bytes read from the source, of the image's", 1.01, 3, ({ facts }, client) =>
    divided(bytesOf(client, "source"), facts.bytes),
  ),
  ratio("medium-22", "source requests of the best peer", 1 / 22, (client) =>
    medianOf(client, figures.sourceRequests),
  ),
  ratio("medium-22", "source bytes of the best peer", 1 / 22, (client) => bytesOf(client, "source")),
  { ...plain("quota", "of the quota used", 0.95, 3, (_, client) => quotaUsed(client)), least: true },
  plain("slow-destination", "time of the other three, of theirs without the slow one", 1.1, 2, (result) =>
    divided(
      othersDone(clientOf(result, "waybill")),
      othersDone(clientOf(result, "waybill-alone") ?? { runs: [{}] }),
    ),
  ),
  plain("reconcile", "requests for a destination and tag, plain registries", 1, 3, ({ facts }, client) =>
    divided(medianOf(client, figures.requests), facts.tags),
  ),
  {
    ...plain(
      "reconcile",
      "requests for a destination repository, with manifests listed",
      1,
      3,
      requestsListed,
    ),
    client: "waybill-extended",
  },
  plain("reconcile", "resident MiB, plain registries", 500, 0, (_, client) => resident(client)),
  {
    ...plain("reconcile", "resident MiB, with manifests listed", 500, 0, (_, client) => resident(client)),
    client: "waybill-extended",
  },
];

/**
 * Every goal with what was measured: `{ scenario, goal, measured, verdict }`, all of it text. The verdict is `met`,
 * `MISSED`, or `not measured`.
 */
export function judge(results) {
  return goals.map((goal) => {
    const { scenario, what, limit, digits, least = false } = goal;
    const text = `${least ? "≥" : "≤"} ${limit.toFixed(limit > 0 && limit < 0.1 ? 4 : digits)}${goal.times ? " ×" : ""} ${what}`;
    const result = results.find((candidate) => candidate.scenario === scenario);
    const client = result === undefined ? undefined : clientOf(result, goal.client ?? "waybill");
    if (client === undefined) return { scenario, goal: text, measured: "", verdict: "not measured" };
    const failure = failureOf(client);
    if (failure !== undefined) return { scenario, goal: text, measured: failure, verdict: "MISSED" };
    const { value, note } = goal.read(result, client);
    if (value === undefined) return { scenario, goal: text, measured: note ?? "", verdict: "not measured" };
    const shown = value.toFixed(limit > 0 && limit < 0.1 ? 4 : digits);
    const isMet = least ? Number(shown) >= limit : Number(shown) <= Number(limit.toFixed(4));
    const measured = note === undefined ? shown : `${shown} (${note})`;
    return { scenario, goal: text, measured, verdict: isMet ? "met" : "MISSED" };
  });
}

function ratio(scenario, what, limit, measure, kind) {
  const read = (result, client) => {
    const best = bestPeer(result, measure, kind);
    return best === undefined
      ? { note: "no peer to compare with" }
      : { value: divided(measure(client), best.value), note: best.title };
  };
  return { scenario, what, limit, digits: 2, times: true, read };
}

function plain(scenario, what, limit, digits, measure) {
  return {
    scenario,
    what,
    limit,
    digits,
    read: (result, client) => ({ value: measure(result, client) }),
  };
}

function cpuPerGiB({ facts }, client) {
  return divided(cpu(client), (facts.bytes * facts.copies) / GiB);
}

function requestsListed({ facts }, client) {
  return divided(medianOf(client, figures.requests), facts.repositories);
}

/** Requests that were let through, of those that could have been between the first and the last one. */
export function quotaUsed({ runs }) {
  const quota = runs.at(-1).links?.find(({ perSecond }) => perSecond !== undefined);
  if (quota === undefined || quota.passed === 0) return undefined;
  const seconds = (quota.lastAt - quota.firstAt) / 1000;
  return quota.passed / (quota.burst + quota.perSecond * seconds);
}

function othersDone({ runs }) {
  return runs.at(-1).othersDoneSeconds;
}

function divided(value, by) {
  return value === undefined || by === undefined ? undefined : value / by;
}
