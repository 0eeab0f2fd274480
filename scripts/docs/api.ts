import { createApp, type ServerParts } from "../../src/server/index.ts";
import { code, table, withoutStop } from "./table.ts";

/** What of the description of the API a table tells of. */
interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly tags?: readonly string[];
  readonly summary?: string;
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
}

/** What a description needs; nothing of all else is asked. */
const parts = {
  version: "0",
  publicUrl: new URL("https://waybill.example.org"),
  access: { settings: {}, logins: {}, machines: {} },
  webhooks: { sources: [] },
  trustedProxies: [],
  stopping: new AbortController().signal,
} as unknown as ServerParts;

const answer = await createApp(parts).fetch(new Request("https://waybill.example.org/api/v1/openapi.json"));
const description = JSON.parse(await answer.text()) as Description;

/** The routes of one tag, or of several, as the description of the API has them. */
export function apiTable(tags: readonly string[]): string {
  const rows = Object.entries(description.paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([, operation]) => operation.tags?.some((tag) => tags.includes(tag)) === true)
      .map(([method, { summary = "", parameters = [] }]) => {
        const query = parameters
          .filter((parameter) => parameter.in === "query")
          .map(({ name }) => code(name));
        return [code(`${method.toUpperCase()} ${path}`), withoutStop(summary), query.join(", ")];
      }),
  );
  if (rows.length === 0) throw new Error(`the API has nothing of ${tags.join(", ")}`);
  return table(["request", "what it does", "filters"], rows);
}
