/** Bytes of a block: headers are one, contents are filled up to a whole number of them. */
export const blockBytes = 512;
/** What ends an archive: two blocks of zeros. */
export const endOfArchive: Buffer = Buffer.alloc(2 * blockBytes);

/** The largest size that the eleven octal digits of a header can say. */
const maxOctalSize = 0o77777777777;
const maxNameBytes = 100;

/**
 * What stands before the content of a regular file in a tar archive (POSIX.1-2017, pax interchange format): the same bytes for the
 * same name and size, whoever writes them and when. A name or size that a header has no room for has extended records before it.
 * @param name ASCII.
 */
export function headOf(name: string, size: number): Buffer {
  const records: string[] = [];
  if (name.length > maxNameBytes) records.push(record("path", name));
  if (size > maxOctalSize) records.push(record("size", String(size)));
  const own = header(name.slice(0, maxNameBytes), size > maxOctalSize ? 0 : size, "0");
  if (records.length === 0) return own;
  const extended = Buffer.from(records.join(""), "ascii");
  return Buffer.concat([header("PaxHeader", extended.length, "x"), padded(extended), own]);
}

/** How many bytes of zeros follow a content of that size. */
export function paddingOf(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes;
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(paddingOf(bytes.length))]);
}

/** A record says its own length, whose digits count as well. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return `${length}${rest}`;
}

function header(name: string, size: number, type: "0" | "x"): Buffer {
  const block = Buffer.alloc(blockBytes);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, "0")}\0`;
  block.write(name, 0, "ascii");
  block.write(octal(0o644, 7), 100, "ascii");
  block.write(octal(0, 7), 108, "ascii");
  block.write(octal(0, 7), 116, "ascii");
  block.write(octal(size, 11), 124, "ascii");
  block.write(octal(0, 11), 136, "ascii");
  block.write(" ".repeat(8), 148, "ascii");
  block.write(type, 156, "ascii");
  block.write("ustar\0" + "00", 257, "ascii");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "ascii");
  return block;
}
