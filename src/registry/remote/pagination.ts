import { phrase } from "../../errors/index.ts";
import type { Answer, AnswerHead } from "../../http/index.ts";
import { RegistryError } from "../errors.ts";
import { scanning } from "../host/challenge.ts";
import type { HostClient } from "../host/host-client.ts";

const pageLimit = 10_000;
/** Names that are kept of one list, to see whether it goes on. */
const maxNames = 2_000_000;

/** @throws {RegistryError} `too-large` for more names than any list has that can be worked with. */
export function refuseTooManyNames(count: number, where: string): void {
  if (count <= maxNames) return;
  throw new RegistryError("too-large", `the registry lists more than ${maxNames} names`, { where });
}

/**
 * The address of the next page: the `Link` with `rel="next"` (RFC 8288), which must be below `/v2/` on the registry
 * itself. A registry behind a proxy may get its own scheme and port wrong; the origin's count.
 * @throws {RegistryError} `unsafe-redirect` when it leads elsewhere; `list-incomplete` when nobody can read where.
 */
export function nextPage(answer: Pick<AnswerHead, "headers">, current: URL, where: string): URL | undefined {
  const links = parseLinks(answer.headers.link);
  if (links === undefined) throw incomplete("its Link header cannot be read", where);
  const target = links.find(({ relations }) => relations.has("next"))?.target;
  if (target === undefined) return undefined;
  if (!URL.canParse(target, current.href)) {
    throw new RegistryError("unexpected-response", "the next page of a list has no valid address", { where });
  }
  const url = new URL(target, current);
  if (url.hostname !== current.hostname || !url.pathname.startsWith("/v2/")) {
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
 * @throws {RegistryError} `endless-pagination`; `list-incomplete` when a page that the registry led to does not exist.
 */
export async function* pages<Page>(
  first: URL,
  where: string,
  read: (url: URL) => Promise<{ page: Page; next: URL | undefined } | undefined>,
): AsyncGenerator<Page> {
  const seen = new Set<string>();
  for (let url: URL | undefined = first; url !== undefined; ) {
    visit(url, seen, where);
    const answer = await read(url);
    if (answer === undefined) return refuseMissing(seen, where);
    yield answer.page;
    url = answer.next;
  }
}

/** @throws {RegistryError} `endless-pagination`. */
function visit({ href }: URL, seen: Set<string>, where: string): void {
  if (!seen.has(href) && seen.size < pageLimit) return void seen.add(href);
  const message = phrase`the registry's list does not end (${seen.size} pages)`;
  throw new RegistryError("endless-pagination", message, { where });
}

/** A list that does not exist has no first page. @throws {RegistryError} `list-incomplete` where it is another one. */
function refuseMissing(seen: ReadonlySet<string>, where: string): void {
  if (seen.size > 1) throw incomplete("a page that the registry leads to is not there", where);
}

/** A list of names that comes in pages (distribution specification, "Listing Tags"). */
export interface NameList<Page> {
  readonly client: HostClient;
  readonly url: URL;
  readonly where: string;
  /** Entries to ask for on a page, the most wanted first; the others are for registries that refuse it. */
  readonly sizes: readonly number[];
  send(url: URL): Promise<Answer>;
  /** What an answer says: a page, or `undefined` for a list that does not exist. Throws for anything else. */
  read(answer: Answer): Promise<Page | undefined>;
  names(page: Page): readonly string[];
  /** Whether such a page is known to be the whole list, unless it has all the names that were asked for. */
  isWhole?(page: Page): boolean;
}

interface Asked {
  readonly url: URL;
  readonly answer: Answer;
}

/** How far the reading of one list has come. */
interface Progress {
  readonly names: Set<string>;
  readonly visited: Set<string>;
  /** It has led to another page by `Link`. */
  isLinked: boolean;
  /** It has ended without a `Link`, and there was more. */
  isCut: boolean;
}

/** What is known of the lists of one kind on each host, so that it is found out once. */
export class ListHabits {
  readonly #refused = new WeakMap<HostClient, readonly number[]>();
  /** How many names a list may have on each host and be known to end where it says. */
  readonly #sound = new WeakMap<HostClient, number>();

  /**
   * All pages of a list, to its end. By the specification a list without a `Link` to another page is whole, but not on
   * every registry: where it could have been cut off, what comes after its last name is asked for.
   * @throws {RegistryError} `list-incomplete` when it is not known to be whole, beside what {@link pages} throws.
   */
  async *whole<Page>(list: NameList<Page>): AsyncGenerator<Page> {
    const { where } = list;
    const progress: Progress = { names: new Set(), visited: new Set(), isLinked: false, isCut: false };
    const { names, visited } = progress;
    for (let asked: Asked | undefined = await this.#first(list); asked !== undefined; ) {
      const { url, answer }: Asked = asked;
      visit(url, visited, where);
      const page = await list.read(answer);
      if (page === undefined) return refuseMissing(visited, where);
      const found = list.names(page);
      const before = names.size;
      const again = found.filter((name) => names.has(name)).length;
      for (const name of found) names.add(name);
      refuseTooManyNames(names.size, where);
      const isOverlap = progress.isCut && again > 0;
      // All of it once more, with what has come in the meantime: it minds no last name, and this is where it ends.
      const isAnew = isOverlap && again === before && found.length !== Number(url.searchParams.get("n"));
      if (isOverlap && !isAnew) throw incomplete("its pages overlap", where);
      yield page;
      if (isAnew) return;
      const isUnclear: boolean = parseLinks(answer.headers.link) === undefined;
      const next = isUnclear ? undefined : nextPage(answer, url, where);
      if (next === undefined) asked = await this.#beyond(list, page, { url, isUnclear }, progress);
      else {
        progress.isLinked = true;
        this.#sound.set(list.client, Number.POSITIVE_INFINITY);
        if (visited.has(next.href)) visit(next, visited, where);
        asked = { url: next, answer: await list.send(next) };
      }
    }
  }

  /** The first page, by the first page size that the registry takes, or none. */
  async #first<Page>({ client, url, sizes, send }: NameList<Page>): Promise<Asked> {
    const refused = [...(this.#refused.get(client) ?? [])];
    const left = sizes.filter((size) => !refused.includes(size));
    for (;;) {
      const size = left.shift();
      const first = new URL(url);
      if (size !== undefined) first.searchParams.set("n", `${size}`);
      const answer = await send(first);
      if (size !== undefined && refusals.has(answer.status)) {
        refused.push(size);
        continue;
      }
      if (answer.status === 200) this.#refused.set(client, refused);
      return { url: first, answer };
    }
  }

  /**
   * What comes after a page that names no other, when it may not be the last one; `undefined` when it is.
   * @param shown The page's address, and whether what it says of others cannot be read.
   */
  async #beyond<Page>(
    list: NameList<Page>,
    page: Page,
    shown: { readonly url: URL; readonly isUnclear: boolean },
    progress: Progress,
  ): Promise<Asked | undefined> {
    const { client, where } = list;
    const names = list.names(page);
    const last = names.at(-1);
    const size = shown.url.searchParams.get("n");
    const isDue = progress.isCut || shown.isUnclear || names.length === Number(size ?? Number.NaN);
    if (last === undefined) return undefined;
    if (!isDue && (list.isWhole?.(page) || !this.#isDoubtful(client, names.length, progress)))
      return undefined;
    const url = new URL(list.url);
    if (size !== null) url.searchParams.set("n", size);
    url.searchParams.set("last", last);
    const answer = await list.send(url);
    const rest = noGoingOn.has(answer.status) ? undefined : await list.read(answer);
    const more = rest === undefined ? undefined : list.names(rest);
    if (more?.some((name) => !progress.names.has(name))) {
      progress.isCut = true;
      return { url, answer };
    }
    // Neither more nor an empty page: the registry does not go on from a name, and does not say where the list ends.
    if (isDue && more?.length !== 0) {
      throw incomplete(`it ends after ${progress.names.size} names, where a page does`, where);
    }
    // An empty page tells of lists that are no longer; who does not go on from a name can be asked no more.
    const most = more?.length === 0 ? progress.names.size : Number.POSITIVE_INFINITY;
    this.#sound.set(client, Math.max(most, this.#sound.get(client) ?? 0));
    return undefined;
  }

  /**
   * Whether a list that has fewer names than were asked for could be cut off all the same: none that long is known to
   * have been whole on this host, or it has as many as registries like to cut at.
   */
  #isDoubtful(client: HostClient, length: number, { isLinked }: Progress): boolean {
    if (isLinked) return false;
    const isRound = length >= 50 && (length % 50 === 0 || Number.isInteger(Math.log2(length)));
    return isRound || length > (this.#sound.get(client) ?? 0);
  }
}

const refusals: ReadonlySet<number> = new Set([400, 405, 413, 416, 422]);

/** How those answer who do not go on from a name. */
const noGoingOn: ReadonlySet<number> = new Set([...refusals, 404, 406, 501]);

function incomplete(why: string, where: string): RegistryError {
  return new RegistryError("list-incomplete", `the registry's list is cut off: ${why}`, {
    where,
    hint: "name what is wanted instead of having it listed, or ask whoever runs the registry",
  });
}

interface Link {
  readonly target: string;
  /** Its relations, in lower case. */
  readonly relations: ReadonlySet<string>;
}

const maxLinkLength = 16_384;
const targetPattern = /[\s,]*<([^<>]*)>/y;
const parameterPattern = /\s*;\s*([^\s;,="<>]+)(?:\s*=\s*(?:"((?:[^"\\]|\\[\s\S])*)"|([^\s;,"<>]+)))?/y;
/** What is behind it is read next. */
const morePattern = /(?=[\s,]*[^\s,])/y;
const endPattern = /\s*(?:,|$)/y;

/**
 * The links of a `Link` header (RFC 8288, section 3): several may stand in one header or in several headers, a link may
 * have several relations, values may be quoted and hold commas, names are compared without regard to case.
 * @returns `undefined` for a header that cannot be read, or that leaves out what a link is for: what it says is unknown.
 */
function parseLinks(header: string | readonly string[] | undefined): readonly Link[] | undefined {
  const headers = typeof header === "string" ? [header] : (header ?? []);
  const links: Link[] = [];
  for (const text of headers) {
    const found = text.length > maxLinkLength ? undefined : linksIn(text);
    if (found === undefined) return undefined;
    links.push(...found);
  }
  return links;
}

function linksIn(text: string): readonly Link[] | undefined {
  const links: Link[] = [];
  const take = scanning(text);
  while (take(morePattern) !== undefined) {
    const target = take(targetPattern)?.[1];
    if (target === undefined) return undefined;
    let relations: string | undefined;
    for (let found = take(parameterPattern); found !== undefined; found = take(parameterPattern)) {
      const [, name = "", quoted, bare = ""] = found;
      if (name.toLowerCase() !== "rel") continue;
      // Single quotes are no quotes there, but are written for them.
      relations ??= quoted?.replace(/\\([\s\S])/g, "$1") ?? bare.replace(/^'(.*)'$/, "$1");
    }
    if (relations === undefined || take(endPattern) === undefined) return undefined;
    links.push({ target: target.trim(), relations: new Set(relations.toLowerCase().split(/\s+/)) });
  }
  return links;
}
