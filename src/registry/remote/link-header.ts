import { scanning } from "../host/challenge.ts";

/** One link of a `Link` header. */
export interface Link {
  readonly target: string;
  /** Its relations, in lower case. */
  readonly relations: ReadonlySet<string>;
}

const maxHeaderLength = 16_384;
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
export function parseLinks(header: string | readonly string[] | undefined): readonly Link[] | undefined {
  const headers = typeof header === "string" ? [header] : (header ?? []);
  const links: Link[] = [];
  for (const text of headers) {
    const found = text.length > maxHeaderLength ? undefined : parseOne(text);
    if (found === undefined) return undefined;
    links.push(...found);
  }
  return links;
}

function parseOne(text: string): readonly Link[] | undefined {
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
