/** A stretch of bytes, both ends included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The stretch that a `Range` header asks of a body of `size` bytes (RFC 9110, section 14): `undefined` when the whole
 * body answers it, because there is no header, another unit, or several ranges; `"unsatisfiable"` when nothing does.
 */
export function readRange(header: string | undefined, size: number): ByteRange | "unsatisfiable" | undefined {
  const match = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(header ?? "");
  const first = match?.[1];
  const last = match?.[2];
  if (first === undefined || last === undefined || (first === "" && last === "")) return undefined;
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? "unsatisfiable" : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === "" ? size - 1 : Math.min(Number(last), size - 1);
  return start > end ? "unsatisfiable" : { start, end };
}

/**
 * The stretch of a blob that a chunk claims to be: `Content-Range: <start>-<end>`, without unit or total, as the
 * distribution specification has it ("Pushing a blob in chunks"). `"malformed"` when it is not that.
 */
export function readContentRange(header: string | undefined): ByteRange | "malformed" | undefined {
  if (header === undefined) return undefined;
  const match = /^(\d{1,15})-(\d{1,15})$/.exec(header);
  if (match === null) return "malformed";
  const range = { start: Number(match[1]), end: Number(match[2]) };
  return range.start > range.end ? "malformed" : range;
}
