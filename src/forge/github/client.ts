import { request } from "@octokit/request";
import { z } from "zod";
import { answered } from "../answers.ts";
import { ForgeError } from "../errors.ts";
import type { Wire } from "../wire.ts";

/** Asks GitHub by the routes of its REST API (https://docs.github.com/rest). */
export type GitHubClient = typeof request;

/** The client that sends all its requests by the wire. */
export function openClient(api: string, wire: Wire): GitHubClient {
  return request.defaults({
    baseUrl: api,
    headers: { "user-agent": "waybill", "x-github-api-version": "2022-11-28" },
    request: { fetch: wire },
  });
}

const graphqlSchema = z.object({
  data: z.unknown(),
  errors: z.array(z.object({ type: z.string().optional(), message: z.string() })).optional(),
});

/**
 * Asks the GraphQL API, for what the other one cannot do.
 * @throws {ForgeError} Also for errors that come with the status of a success.
 */
export async function graphql(
  client: GitHubClient,
  api: string,
  query: string,
  variables: Readonly<Record<string, string>>,
): Promise<unknown> {
  // On a server of one's own it is beside the REST API, not below it.
  const baseUrl = api.replace(/\/v3$/, "");
  const { data, errors } = await answered(
    client("POST /graphql", { baseUrl, query, variables }),
    graphqlSchema,
  );
  const [error] = errors ?? [];
  if (error === undefined) return data;
  const host = new URL(api).host;
  const code =
    error.type === "FORBIDDEN" ? "forbidden" : error.type === "NOT_FOUND" ? "not-found" : "refused";
  throw new ForgeError(
    error.type === "RATE_LIMITED" ? "rate-limited" : code,
    `${host} refuses: ${error.message}`,
    {
      where: host,
      ...(code === "forbidden" ? { hint: "the token has not the right to change pull requests here" } : {}),
    },
  );
}
