// Figures of clients, from the runs that are stored.
import { spread } from "../measure.mjs";
import { total } from "./access-log.mjs";

/** What can be read off one run. */
export const figures = {
  wall: ({ wallSeconds }) => wallSeconds,
  cpu: ({ cpuSeconds }) => cpuSeconds,
  resident: ({ residentMiB }) => residentMiB,
  sourceRequests: ({ requests }) => total(requests.source),
  destinationRequests: ({ requests }) => total(requests.destinations),
  requests: ({ requests }) => total(requests.source) + total(requests.destinations),
  registriesCpu: ({ registriesCpuSeconds }) => registriesCpuSeconds,
};

/** Median, least and greatest of a figure over the runs of a client. */
export function spreadOf({ runs }, figure) {
  return spread(runs.map(figure));
}

export function medianOf(client, figure) {
  return spreadOf(client, figure).median;
}

/** Bytes on the wire of one side, `source` or `destinations`, headers included; undefined when they were not counted. */
export function bytesOf({ runs, counted }, side) {
  return runs.at(-1).bytes?.[side] ?? counted?.bytes?.[side];
}

/** Why a client did not do what it was asked, or undefined. */
export function failureOf({ runs }) {
  return runs.find(({ failure }) => failure !== undefined)?.failure;
}

export function clientOf({ clients }, id) {
  return clients.find((client) => client.id === id);
}

/** The peers that did what they were asked, of one kind or of all. */
export function peersOf({ clients }, kind) {
  return clients.filter(
    (client) =>
      ["default", "tuned"].includes(client.kind) &&
      (kind === undefined || client.kind === kind) &&
      failureOf(client) === undefined,
  );
}

/** The peer with the least of something, and how much that is; undefined without peers. */
export function bestPeer(result, measure, kind) {
  const peers = peersOf(result, kind).map((client) => ({ title: client.title, value: measure(client) }));
  return peers.filter(({ value }) => value !== undefined).sort((one, other) => one.value - other.value)[0];
}
