/** Platforms the demonstration builds for: its programs are written in their machine code. */
export type DemoArchitecture = "amd64" | "arm64";

const loadAddress = 0x400000n;
const elfHeaderBytes = 64;
const programHeaderBytes = 56;

/**
 * A static Linux executable that prints the text and exits: a few hundred bytes, so that the demonstration's images
 * are real ones, which run on their platform, without a compiler or a download. (ELF-64 of the System V ABI; system
 * calls `write` and `exit` of each architecture.)
 */
export function printingExecutable(architecture: DemoArchitecture, text: string): Buffer {
  const message = Buffer.from(text, "utf8");
  const code = architecture === "amd64" ? amd64Code(message.length) : arm64Code(message.length);
  const size = elfHeaderBytes + programHeaderBytes + code.length + message.length;
  const header = Buffer.alloc(elfHeaderBytes + programHeaderBytes);
  header.write("\x7fELF", 0, "latin1");
  header.writeUInt8(2, 4); // 64 bits
  header.writeUInt8(1, 5); // little endian
  header.writeUInt8(1, 6); // version
  header.writeUInt16LE(2, 16); // executable
  header.writeUInt16LE(architecture === "amd64" ? 62 : 183, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(loadAddress + BigInt(header.length), 24); // entry
  header.writeBigUInt64LE(BigInt(elfHeaderBytes), 32); // program header table
  header.writeUInt16LE(elfHeaderBytes, 52);
  header.writeUInt16LE(programHeaderBytes, 54);
  header.writeUInt16LE(1, 56);
  header.writeUInt32LE(1, 64); // loadable segment
  header.writeUInt32LE(5, 68); // read, execute
  header.writeBigUInt64LE(loadAddress, 80);
  header.writeBigUInt64LE(loadAddress, 88);
  header.writeBigUInt64LE(BigInt(size), 96);
  header.writeBigUInt64LE(BigInt(size), 104);
  header.writeBigUInt64LE(0x10000n, 112);
  return Buffer.concat([header, code, message]);
}

function amd64Code(length: number): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(length);
  return Buffer.concat([
    Buffer.from("b801000000bf01000000488d3510000000ba", "hex"), // write(1, the text behind the code,
    size, // its length
    Buffer.from("0f05b83c00000031ff0f05", "hex"), // ); exit(0)
  ]);
}

function arm64Code(length: number): Buffer {
  const instructions = [
    0xd2800020, // x0 = 1
    0x100000e1, // x1 = the text behind the code
    0xd2800002 | (length << 5), // x2 = its length
    0xd2800808, // x8 = write
    0xd4000001,
    0xd2800000, // x0 = 0
    0xd2800ba8, // x8 = exit
    0xd4000001,
  ];
  const code = Buffer.alloc(instructions.length * 4);
  for (const [index, instruction] of instructions.entries()) code.writeUInt32LE(instruction >>> 0, index * 4);
  return code;
}
