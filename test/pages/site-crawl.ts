/** What a look at all of a site has found. */
export interface Crawled {
  /** Addresses that were read, with their kinds of content. */
  readonly visited: ReadonlyMap<string, string>;
  /** What is wrong, each with the address at which it is. */
  readonly faults: readonly string[];
}

/** How a site is looked at. */
export interface CrawlOptions {
  readonly origin: string;
  /** Who looks. */
  readonly headers: Readonly<Record<string, string>>;
  /** Where it begins; what these lead to is found. */
  readonly start: readonly string[];
  /** What nothing may show, in no form. */
  readonly secrets: Readonly<Record<string, string>>;
}

/** Bytes of a page: more than a browser shows at once. */
const maxBytes = 2 * 1024 * 1024;
/** Addresses of one kind that are read: a list of a thousand runs has a thousand pages of runs. */
const maxOfShape = 4;
const maxPages = 2_000;
/** What never ends, or would change something. */
const isLeftOut = (path: string): boolean => /\/events$/.test(path);

/**
 * Reads each address that a site leads to, from page to page. Links of a page lead to what is there; it has one heading, holds no script and
 * no style of its own, loads nothing from elsewhere, and tells nobody elsewhere where somebody comes from. No answer holds a secret.
 */
export async function crawl({ origin, headers, start, secrets }: CrawlOptions): Promise<Crawled> {
  const faults: string[] = [];
  const visited = new Map<string, string>();
  const shapes = new Map<string, number>();
  const waiting = [...start];
  const known = new Set(start);
  const disguised = Object.entries(secrets).flatMap(([name, secret]) =>
    formsOf(secret).map((form) => ({ name, form })),
  );
  const wants = (address: string): void => {
    const url = new URL(address, origin);
    const path = `${url.pathname}${url.search}`;
    if (known.has(path) || isLeftOut(url.pathname)) return;
    known.add(path);
    const shape = shapeOf(url);
    const before = shapes.get(shape) ?? 0;
    shapes.set(shape, before + 1);
    if (before < maxOfShape) waiting.push(path);
  };
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    if (visited.size >= maxPages) throw new Error(`there are more than ${maxPages} kinds of pages`);
    const at = path;
    const fault = (text: string): void => void faults.push(`${at}: ${text}`);
    const answer = await fetch(`${origin}${path}`, { headers, redirect: "manual" });
    const text = Buffer.from(await answer.arrayBuffer()).toString("utf8");
    const type = answer.headers.get("content-type")?.split(";")[0] ?? "";
    visited.set(path, type);
    const heads = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    for (const { name, form } of disguised) {
      if (text.includes(form) || heads.includes(form)) fault(`it holds ${name}, as ${form}`);
    }
    if (answer.status >= 300 && answer.status < 400) {
      const location = new URL(answer.headers.get("location") ?? "", `${origin}${path}`);
      if (location.origin !== origin) fault(`it leads to ${location.origin}`);
      else wants(location.href);
      continue;
    }
    if (answer.status !== 200) fault(`status ${answer.status}`);
    if (type !== "text/html") continue;
    for (const found of faultsOfPage(text, origin)) fault(found);
    const base = `${origin}${path}`;
    for (const { name, value } of attributesOf(text)) {
      const isAddress = (name === "href" || name === "src") && URL.canParse(value, base);
      if (isAddress && new URL(value, base).origin === origin) wants(new URL(value, base).href);
    }
  }
  return { visited, faults };
}

/** What of a page is not as pages are. */
function faultsOfPage(text: string, origin: string): readonly string[] {
  const faults: string[] = [];
  if (Buffer.byteLength(text) > maxBytes) faults.push("it is larger than a page is");
  const headings = text.match(/<h1[\s>]/g)?.length ?? 0;
  if (headings !== 1) faults.push(`it has ${headings} headings`);
  for (const [tag = ""] of text.matchAll(/<[a-z][^<>]*>/gi)) {
    const attributes = new Map(attributesOf(tag).map(({ name, value }) => [name, value]));
    if (attributes.has("style")) faults.push(`a style of its own: ${tag}`);
    if ([...attributes.keys()].some((name) => name.startsWith("on"))) faults.push(`a script: ${tag}`);
    if (/^<script/i.test(tag) && !attributes.has("src")) faults.push("a script of its own");
    const [href, src] = [attributes.get("href"), attributes.get("src")];
    for (const address of [href, src, attributes.get("action")]) {
      if (address === undefined) continue;
      if (!URL.canParse(address, origin)) {
        faults.push(`no address: ${tag}`);
        continue;
      }
      const url = new URL(address, origin);
      if (url.username !== "" || url.password !== "") faults.push(`an address with a password: ${tag}`);
      if (url.origin === origin) continue;
      if (url.protocol !== "https:" && url.protocol !== "http:") faults.push(`another scheme: ${tag}`);
      if (address !== href || !/^<a\s/i.test(tag)) faults.push(`loaded from elsewhere: ${tag}`);
      if (attributes.get("rel") !== "noreferrer") faults.push(`tells where somebody comes from: ${tag}`);
    }
  }
  return faults;
}

/** The attributes that tags of a text have, as they are meant. */
function attributesOf(text: string): readonly { readonly name: string; readonly value: string }[] {
  return [...text.matchAll(/\s([a-z][\w-]*)="([^"]*)"/gi)].map(([, name = "", value = ""]) => ({
    name: name.toLowerCase(),
    value: value
      .replace(/&quot;/g, '"')
      .replace(/&#39;/g, "'")
      .replace(/&lt;/g, "<")
      .replace(/&gt;/g, ">")
      .replace(/&amp;/g, "&"),
  }));
}

/** What addresses have in common that show the same of other things. */
function shapeOf({ pathname, searchParams }: URL): string {
  const path = pathname
    .split("/")
    .map((word) => (/\d/.test(word) ? "#" : word))
    .join("/");
  const keys = [...searchParams.keys()].sort().map((key) => {
    return ["format", "table"].includes(key) ? `${key}=${searchParams.get(key)}` : key;
  });
  return `${path}?${keys.join("&")}`;
}

/** The forms in which a secret would give itself away. */
export function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  // Base64 of a longer text has three forms of what stands in it, by where it begins; what depends on its neighbors is left out.
  const encoded = [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const from = Math.ceil((before * 4) / 3);
    const inner = text.slice(from, text.length - ((before + bytes.length) % 3 === 0 ? 0 : 1));
    return [inner, inner.replace(/\+/g, "-").replace(/\//g, "_")];
  });
  const escaped = secret.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;");
  return [
    ...new Set([
      ...[
        secret,
        encodeURIComponent(secret),
        new URLSearchParams({ "": secret }).toString().slice(1),
        escaped,
      ],
      ...[JSON.stringify(secret).slice(1, -1), bytes.toString("hex"), bytes.toString("hex").toUpperCase()],
      ...encoded,
    ]),
  ];
}
