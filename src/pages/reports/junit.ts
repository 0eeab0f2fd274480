/** One test of a JUnit file. */
export interface TestCase {
  readonly suite: string;
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
  readonly seconds: string;
  /** What a failure says. */
  readonly message: string;
}

/** A piece of XML: a text, or a tag with what it says. */
type Piece =
  | { readonly text: string }
  | { readonly tag: string; readonly isEnd: boolean; readonly isAlone: boolean; readonly attributes: string };

/** The pieces of a document, read once from its beginning to its end: a piece without an end is the last. */
function* piecesOf(xml: string): Generator<Piece, void> {
  for (let at = 0; at < xml.length; ) {
    const open = xml.indexOf("<", at);
    if (open > at || open < 0) yield { text: plain(xml.slice(at, open < 0 ? xml.length : open)) };
    if (open < 0) return;
    const [begin, end] = asides.find(([begin]) => xml.startsWith(begin, open)) ?? (["<", ">"] as const);
    const close = xml.indexOf(end, open + begin.length);
    if (close < 0) return;
    at = close + end.length;
    const inside = xml.slice(open + begin.length, close);
    if (begin === cdata) yield { text: inside };
    if (begin !== "<") continue;
    const isEnd = inside.startsWith("/");
    const isAlone = inside.endsWith("/");
    const words = inside.slice(isEnd ? 1 : 0, isAlone ? -1 : undefined);
    const tag = /^[^\s]*/.exec(words)?.[0] ?? "";
    yield { tag, isEnd, isAlone, attributes: words.slice(tag.length) };
  }
}

const cdata = "<![CDATA[";
const asides = [
  [cdata, "]]>"],
  ["<!--", "-->"],
  ["<?", "?>"],
  ["<!", ">"],
] as const;

const attribute = /([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;
const mostMessage = 2_000;

/** The tests of a JUnit file, in their order; `undefined` of what is none. */
export function testCasesIn(text: string): readonly TestCase[] | undefined {
  if (!/^\uFEFF?\s*<(?:\?xml|testsuites?\b)/.test(text) || !/<testsuites?\b/.test(text)) return undefined;
  const cases: TestCase[] = [];
  const suites: string[] = [];
  let open: TestCase | undefined;
  let isSaying = false;
  const close = (): void => {
    if (open !== undefined) cases.push({ ...open, message: open.message.trim().slice(0, mostMessage) });
    open = undefined;
  };
  const say = (words: string): void => {
    if (open !== undefined && isSaying && open.message.length < mostMessage) {
      open = { ...open, message: `${open.message} ${words}` };
    }
  };
  for (const piece of piecesOf(text)) {
    if ("text" in piece) {
      say(piece.text);
      continue;
    }
    const { tag, isEnd, isAlone } = piece;
    const given = isEnd ? new Map<string, string>() : attributesOf(piece.attributes);
    if (tag === "testsuite") {
      if (isEnd) suites.pop();
      else if (!isAlone) suites.push(given.get("name") ?? "");
    } else if (tag === "testcase") {
      close();
      if (isEnd) continue;
      const suite = given.get("classname") ?? suites.at(-1) ?? "";
      const [name, seconds] = [given.get("name") ?? "", given.get("time") ?? ""];
      open = { suite, name, outcome: "passed", seconds, message: "" };
      if (isAlone) close();
    } else if (tag === "failure" || tag === "error" || tag === "skipped") {
      if (open !== undefined && !isEnd) {
        const outcome = tag === "skipped" ? "skipped" : "failed";
        open = { ...open, outcome, message: `${open.message} ${given.get("message") ?? ""}` };
      }
      isSaying = !isEnd && !isAlone;
    }
  }
  close();
  return cases;
}

function attributesOf(text: string): ReadonlyMap<string, string> {
  return new Map(
    [...text.matchAll(attribute)].map(([, name = "", one, other]) => [name, plain(one ?? other ?? "")]),
  );
}

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function plain(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w+));/gi, (whole, decimal, hexadecimal, name) => {
    if (name !== undefined) return entities[name] ?? whole;
    const code = decimal === undefined ? Number.parseInt(hexadecimal, 16) : Number(decimal);
    return code <= 0x10_ff_ff ? String.fromCodePoint(code) : whole;
  });
}
