/** Characters of one element or value, which is kept in memory as a whole. */
const maxValue = 8 * 1024 * 1024;

/** A value at the top of a result, or an element of a list there. */
export interface ReportPart {
  readonly name: string;
  readonly value: unknown;
}

/**
 * Reads some members of a result that a run has recorded, however long it is: the report of a large promotion has a gigabyte. It is in
 * the form in which results are written: members of the top are indented by two spaces, elements of their lists by four.
 * @param wanted Names of members. Lists are given element by element, in the order of the document.
 * @returns Parts; what cannot be read as JSON, or is too long, is left out, and told by `onUnread`.
 */
export async function* readReport(
  bytes: AsyncIterable<Uint8Array>,
  wanted: ReadonlySet<string>,
  onUnread: (name: string) => void,
): AsyncGenerator<ReportPart> {
  let name: string | undefined;
  let isList = false;
  let text: string[] = [];
  let length = 0;
  const add = (line: string): void => {
    length += line.length;
    if (length <= maxValue) text.push(line);
  };
  const taken = (): ReportPart | undefined => {
    const [own, pieces, isTooLong] = [name ?? "", text, length > maxValue];
    [text, length] = [[], 0];
    if (pieces.length === 0) return undefined;
    try {
      if (isTooLong) throw new RangeError("too long");
      return { name: own, value: JSON.parse(pieces.join("\n").replace(/,\s*$/, "")) };
    } catch {
      onUnread(own);
      return undefined;
    }
  };
  for await (const line of linesOf(bytes)) {
    const begun = /^ {2}"((?:[^"\\]|\\.)*)": ?(.*)$/s.exec(line);
    if (begun !== null || line === "}") {
      const part = name === undefined || isList ? undefined : taken();
      if (part !== undefined) yield part;
      [text, length] = [[], 0];
      const [, member = "", rest = ""] = begun ?? [];
      name = begun !== null && wanted.has(member) ? member : undefined;
      isList = rest === "[";
      if (/^\[\],?$/.test(rest)) name = undefined;
      if (name !== undefined && !isList) add(rest);
      continue;
    }
    if (name === undefined) continue;
    if (!isList) {
      add(line);
      continue;
    }
    if (/^ {2}\],?$/.test(line)) {
      name = undefined;
      continue;
    }
    add(line);
    // An element of one line, or the last of several.
    const part = /^ {4}\S/.test(line) && !/^ {4}[{[]$/.test(line) ? taken() : undefined;
    if (part !== undefined) yield part;
  }
}

/** Lines without their ends. Of one that is too long the beginning is given, which is no JSON. */
async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of bytes) {
    const [first = "", ...lines] = decoder.decode(piece, { stream: true }).split("\n");
    rest = `${rest}${first}`.slice(0, maxValue + 1);
    for (const line of lines) {
      yield rest;
      rest = line;
    }
  }
  if (rest !== "") yield rest;
}
