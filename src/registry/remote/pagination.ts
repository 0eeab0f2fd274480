import { RegistryError } from "../errors.ts";
import type { AnswerHead } from "../host/host-client.ts";

const pageLimit = 10_000;

/**
 * The address of the next page: the `Link` with `rel="next"` (RFC 8288), which must be below `/v2/` on the registry
 * itself. A registry behind a proxy may get its own scheme wrong; the origin's counts.
 * @throws {RegistryError} `unsafe-redirect` when it leads elsewhere.
 */
export function nextPage(answer: Pick<AnswerHead, "headers">, current: URL, where: string): URL | undefined {
  const header = answer.headers.link;
  const text = typeof header === "string" ? header : header?.join(", ");
  const target = /<([^<>]*)>\s*;[^,<]*\brel\s*=\s*"?next\b/i.exec(text ?? "")?.[1];
  if (target === undefined) return undefined;
  if (!URL.canParse(target, current.href)) {
    throw new RegistryError("unexpected-response", "the next page of a list has no valid address", { where });
  }
  const url = new URL(target, current);
  if (url.host !== current.host || !url.pathname.startsWith("/v2/")) {
    throw new RegistryError("unsafe-redirect", "the next page of a list is not on the registry itself", {
      where,
      hint: "it was not asked for; ask whoever runs the registry",
    });
  }
  const next = new URL(current);
  next.pathname = url.pathname;
  next.search = url.search;
  return next;
}

/**
 * Pages by their addresses, with an end: a registry that repeats itself or never stops is refused. `read` gives
 * `undefined` for a list that does not exist.
 */
export async function* pages<Page>(
  first: URL,
  where: string,
  read: (url: URL) => Promise<{ page: Page; next: URL | undefined } | undefined>,
): AsyncGenerator<Page> {
  const seen = new Set<string>();
  for (let url: URL | undefined = first; url !== undefined; ) {
    if (seen.has(url.href) || seen.size >= pageLimit) {
      throw new RegistryError("endless-pagination", `the registry's list does not end (${seen.size} pages)`, {
        where,
      });
    }
    seen.add(url.href);
    const answer = await read(url);
    if (answer === undefined) return;
    yield answer.page;
    url = answer.next;
  }
}
