/**
 * Reads the answers of stores of objects, which are XML of one shape: elements without attributes that matter, and text in them.
 * Given a name, the texts of all elements of that name, none of which is in another one of it.
 */
export function textsIn(xml: string, name: string): readonly string[] {
  const found: string[] = [];
  const [begin, end] = [`<${name}>`, `</${name}>`];
  for (let at = xml.indexOf(begin); at >= 0; at = xml.indexOf(begin, at)) {
    const from = at + begin.length;
    const to = xml.indexOf(end, from);
    if (to < 0) break;
    found.push(xml.slice(from, to));
    at = to + end.length;
  }
  return found;
}

/** The text of the first element of a name, its entities read; `undefined` when there is none. */
export function firstIn(xml: string, name: string): string | undefined {
  const [first] = textsIn(xml, name);
  return first === undefined ? undefined : plain(first);
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function plain(text: string): string {
  return text.replace(
    /&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|([a-z]{2,4}));/g,
    (word, hex, decimal, name) => {
      if (name !== undefined) return entities[name] ?? word;
      const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : word;
    },
  );
}
