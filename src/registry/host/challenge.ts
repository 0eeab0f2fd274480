export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Names in lower case; of a name given twice, the first counts. */
  readonly parameters: ReadonlyMap<string, string>;
}

const maxHeaderLength = 16_384;
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const schemePattern = new RegExp(`[\\s,]*(${token})(?=$|[\\s,])`, "y");
const parameterPattern = new RegExp(
  `[\\s,]*(${token})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\[\\s\\S])*)"|([^\\s,"]*))(?=[\\s,]|$)`,
  "y",
);
/** The rest of a scope that is not quoted, although there are commas in it. */
const moreActionsPattern = /(?:,(?:pull|push|delete|\*)(?=[\s,]|$))+/y;
const token68Pattern = /\s+[A-Za-z0-9._~+/-]+=*\s*(?=,|$)/y;

/**
 * The challenges of a `WWW-Authenticate` header (RFC 9110, section 11.6.1): several may stand in one header or in
 * several headers, values may be quoted and hold commas, names are compared without regard to case. What cannot be
 * read ends the list; what was read before it stands.
 */
export function parseChallenges(header: string | readonly string[] | undefined): readonly Challenge[] {
  const headers = typeof header === "string" ? [header] : (header ?? []);
  return headers.flatMap((text) => parseOne(text.slice(0, maxHeaderLength)));
}

/** Reads a text from its beginning on: what a sticky pattern matches where the one before it ended. */
export function scanning(text: string): (pattern: RegExp) => RegExpExecArray | undefined {
  let at = 0;
  return (pattern) => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) at = pattern.lastIndex;
    return match ?? undefined;
  };
}

function parseOne(text: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  const take = scanning(text);
  for (;;) {
    const current = challenges.at(-1);
    const parameter = current === undefined ? undefined : take(parameterPattern);
    if (current !== undefined && parameter !== undefined) {
      const [, name = "", quoted, bare = ""] = parameter;
      const key = name.toLowerCase();
      const more = quoted === undefined && key === "scope" ? (take(moreActionsPattern)?.[0] ?? "") : "";
      const value = quoted === undefined ? bare + more : quoted.replace(/\\([\s\S])/g, "$1");
      if (!current.parameters.has(key)) current.parameters.set(key, value);
      continue;
    }
    const scheme = take(schemePattern)?.[1];
    if (scheme === undefined) return challenges;
    challenges.push({ scheme: scheme.toLowerCase(), parameters: new Map() });
    take(token68Pattern);
  }
}
