import * as z from "zod/mini";
import type { ForgeClient } from "../client.ts";
import { ForgeError } from "../errors.ts";

const graphqlSchema = z.object({
  data: z.unknown(),
  errors: z.optional(z.array(z.object({ type: z.optional(z.string()), message: z.string() }))),
});

/**
 * Asks GitHub's GraphQL API, for what the other one cannot do.
 * @throws {ForgeError} Also for errors that come with the status of a success.
 */
export async function graphql(
  client: ForgeClient,
  api: string,
  query: string,
  variables: Readonly<Record<string, string>>,
): Promise<unknown> {
  // On a server of one's own it is beside the REST API, not below it.
  const baseUrl = api.replace(/\/v3$/, "");
  const { data, errors } = await client.ask("POST /graphql", { baseUrl, query, variables }, graphqlSchema);
  const [error] = errors ?? [];
  if (error === undefined) return data;
  const host = new URL(api).host;
  const codes = { FORBIDDEN: "forbidden", NOT_FOUND: "not-found", RATE_LIMITED: "rate-limited" } as const;
  const code = Object.entries(codes).find(([type]) => type === error.type)?.[1] ?? "refused";
  throw new ForgeError(code, `${host} refuses: ${error.message}`, {
    where: host,
    hint: code === "forbidden" ? "the token has not the right to change pull requests here" : undefined,
  });
}
