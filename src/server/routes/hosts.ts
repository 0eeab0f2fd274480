import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { hostHistory, listHosts } from "../../production/index.ts";
import { demand } from "../acts.ts";
import { type Env, timeOf } from "../context.ts";
import { addList } from "../lists/list.ts";
import { pageOfNamed } from "../lists/page.ts";
import type { ServerParts } from "../model.ts";
import { lineSchema, timeSchema } from "../schemas.ts";
import { sampleFilters, sampleStart } from "./production.ts";

const number = z.number().min(0);
const countsShape = {
  runs: number.openapi({ description: "Attempts of runs that have asked it." }),
  requests: number,
  refused: number.openapi({ description: "Times that it took no more for the time being (429)." }),
  faults: number.openapi({
    description: "Other failures that another attempt was made for, or that did not matter.",
  }),
  waited: number.openapi({ description: "Milliseconds that it was left alone because it asked for that." }),
  bytesRead: number,
  bytesSent: number,
};
const hostSchema = z.object({ host: z.string(), ...countsShape }).openapi("HostTraffic");
const sampleSchema = z.object({ host: z.string(), at: timeSchema, ...countsShape }).openapi("HostSample");

/** What was asked of a host, as the API has it. */
export type HostTrafficDocument = z.infer<typeof hostSchema>;

/** An hour or a day of that, as the API has it. */
export type HostSampleDocument = z.infer<typeof sampleSchema>;

/** Hosts that are known at a time: those that were asked for most. */
const mostHosts = 2_000;
/** Hosts of which samples are given at a time. */
const mostSampled = 50;

/** The routes of what runs have asked of hosts. */
export function addHosts(api: OpenAPIHono<Env>, parts: ServerParts): void {
  const { db } = parts;
  const rangeOf = ({ grain, since }: { grain: "hour" | "day"; since?: Date | undefined }) => {
    return { grain, since: sampleStart(grain, since, timeOf(parts)) };
  };

  addList(api, {
    ...{ path: "/hosts", tag: "production", item: hostSchema, params: {} },
    summary: "What runs have asked of hosts, and how often these had them wait",
    filters: { ...sampleFilters, after: lineSchema(500).optional() },
    async read(c, query) {
      demand(c, parts, "read");
      return pageOfNamed(await listHosts(db, rangeOf(query), mostHosts), query, ({ host }) => host);
    },
  });

  addList(api, {
    ...{ path: "/hosts/traffic", tag: "production", item: sampleSchema, params: {} },
    summary: "The same by hours or days, the oldest first",
    filters: {
      ...sampleFilters,
      host: lineSchema(5_000).openapi({ description: "Hosts, separated by commas." }),
      after: lineSchema(600).optional(),
    },
    async read(c, { host, ...query }) {
      demand(c, parts, "read");
      const samples = await hostHistory(db, rangeOf(query), host.split(",").slice(0, mostSampled));
      return pageOfNamed(
        samples.map(({ at, ...sample }) => ({ ...sample, at: at.toISOString() })),
        query,
        ({ at, host: of }) => `${at} ${of}`,
      );
    },
  });
}
