import { RegistryError } from "../errors.ts";
import type { HostResponse } from "../host/host-client.ts";

const pageLimit = 10_000;

/** The address of the next page (RFC 8288 `Link` with `rel="next"`), on the same origin only. */
export function nextPage(response: HostResponse, where: string): URL | undefined {
  const header = response.headers.link;
  const text = Array.isArray(header) ? header.join(", ") : header;
  const target = /<([^>]*)>\s*;[^,]*\brel\s*=\s*"?next"?/i.exec(text ?? "")?.[1];
  if (target === undefined) return undefined;
  if (!URL.canParse(target, response.url.href)) {
    throw new RegistryError("unexpected-response", "the next page has no valid address", { where });
  }
  const url = new URL(target, response.url);
  const same = url.host === response.url.host && url.pathname.startsWith("/v2/");
  if (!same) throw new RegistryError("unsafe-redirect", "the next page is on another host", { where });
  url.protocol = response.url.protocol;
  return url;
}

/** Pages by their addresses, with an end: a registry that repeats itself or never stops is refused. */
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
