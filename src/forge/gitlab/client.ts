import { ForgeError } from "../errors.ts";
import { checkedPath } from "../remote.ts";
import type { Wire } from "../wire.ts";

/** What is asked of GitLab beside the path. */
export interface Question {
  readonly query?: Readonly<Record<string, string | number>>;
  readonly body?: object;
}

/** Asks GitLab by the paths of its REST API, below `/api/v4` (https://docs.gitlab.com/api/rest/). */
export type GitLabClient = (
  method: "GET" | "POST" | "PUT",
  path: string,
  question?: Question,
) => Promise<{ readonly data: unknown; readonly headers: Headers }>;

/** The client that sends all its requests by the wire. */
export function openClient(api: string, wire: Wire): GitLabClient {
  return async (method, path, { query = {}, body } = {}) => {
    const url = new URL(`${api}${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    const response = await wire(url, {
      method,
      headers: {
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { data: text === "" ? undefined : parsed(text, url.host), headers: response.headers };
  };
}

/** The path of a project in the API. @throws {ForgeError} `not-found` for one that no project can have. */
export function projectPath(path: string): string {
  return `/projects/${encodeURIComponent(checkedPath(path))}`;
}

function parsed(text: string, host: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ForgeError("unexpected-answer", `${host} answers with something that is no JSON`, {
      ...{ where: host, cause },
      hint: "is it a GitLab, and is there no login page in front of it?",
    });
  }
}
