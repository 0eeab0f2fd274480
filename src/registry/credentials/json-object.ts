import { JsonBytes } from "../json-bytes.ts";

/** A member of an object, as it is written: `value` is JSON. */
export interface WrittenMember {
  readonly key: string;
  readonly value: string;
}

/** How what is added to JSON goes over lines: what ends one, and what each level begins with. */
export interface Lines {
  readonly end: string;
  readonly indent: string;
}

/** The members of an object, in their order; a key may be there twice. @throws {SyntaxError} */
export function membersOf(text: string): readonly WrittenMember[] {
  const { bytes, members } = readObject(text);
  return members.map(({ key, valueFrom, to }) => ({ key, value: bytes.toString("utf8", valueFrom, to) }));
}

/** The text of an object without some members; all others stay as they are written. @throws {SyntaxError} */
export function withoutMembers(text: string, isLeftOut: (key: string) => boolean): string {
  const { bytes, members, open, close } = readObject(text);
  const kept = members.filter(({ key }) => !isLeftOut(key));
  if (kept.length === 0) return cut(bytes, 0, open) + cut(bytes, close);
  const pieces = kept.map(({ after, from, to }, at) => cut(bytes, at === 0 ? from : after, to));
  return cut(bytes, 0, members[0]?.from) + pieces.join("") + cut(bytes, members.at(-1)?.to ?? close);
}

/**
 * The text of an object in which a key has another value, or is there at the end; all else stays as it is written.
 * @param lines `undefined` where all of it is one line.
 * @param depth Of the object in the whole text.
 * @throws {SyntaxError}
 */
export function withMember(
  text: string,
  { key, value }: WrittenMember,
  lines: Lines | undefined,
  depth: number,
): string {
  const { bytes, members, open, close } = readObject(text);
  const found = members.find((member) => member.key === key);
  if (found !== undefined) return cut(bytes, 0, found.valueFrom) + value + cut(bytes, found.to);
  const line = (deep: number): string =>
    lines === undefined ? "" : `${lines.end}${lines.indent.repeat(deep)}`;
  const written = `${JSON.stringify(key)}:${lines === undefined ? "" : " "}${value}`;
  const last = members.at(-1);
  if (last === undefined) {
    return cut(bytes, 0, open) + line(depth + 1) + written + line(depth) + cut(bytes, close);
  }
  return `${cut(bytes, 0, last.to)},${cut(bytes, open, members[0]?.from)}${written}${cut(bytes, last.to)}`;
}

function cut(bytes: Buffer, from: number, to?: number): string {
  return bytes.toString("utf8", from, to);
}

function readObject(text: string) {
  const bytes = Buffer.from(text);
  const json = new JsonBytes(bytes);
  const open = bytes.indexOf("{") + 1;
  const members: {
    key: string;
    /** Behind what is before it; then come a comma and its key, its value, and what is behind it. */
    after: number;
    from: number;
    valueFrom: number;
    to: number;
  }[] = [];
  let after = open;
  for (const key of json.keys()) {
    json.peek();
    const valueFrom = json.at;
    json.skip();
    members.push({ key, after, from: bytes.indexOf('"', after), valueFrom, to: json.at });
    after = json.at;
  }
  return { bytes, members, open, close: json.at - 1 };
}
