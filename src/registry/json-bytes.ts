/** More bytes than one value is long that means what it should. */
const maxValueLength = 1024 * 1024;
const deepest = 64;

/**
 * JSON as bytes, with the place that has been reached in it. Methods throw `SyntaxError` for what is none; what is skipped is not
 * looked into.
 */
export class JsonBytes {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get at(): number {
    return this.#at;
  }

  peek(): string {
    let byte = this.#bytes[this.#at];
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
      this.#at += 1;
      byte = this.#bytes[this.#at];
    }
    return byte === undefined ? "" : String.fromCharCode(byte);
  }

  /** The keys of an object; behind each, its value is to be read or skipped. */
  *keys(): Generator<string> {
    this.#expect("{");
    if (this.#takes("}")) return;
    do {
      const key = this.peek() === '"' ? this.value() : undefined;
      if (typeof key !== "string") throw this.#fault();
      this.#expect(":");
      yield key;
    } while (this.#takes(","));
    this.#expect("}");
  }

  /** The elements of a list, which have no keys: each is to be read or skipped. */
  *elements(): Generator<undefined> {
    this.#expect("[");
    if (this.#takes("]")) return;
    do yield undefined;
    while (this.#takes(","));
    this.#expect("]");
  }

  /** A value that is not large. The place stays before one that is none. */
  value(): unknown {
    this.peek();
    const from = this.#at;
    this.skip();
    const to = this.#at;
    this.#at = from;
    if (to - from > maxValueLength) throw new SyntaxError(`a value at byte ${from} is too large`);
    const value: unknown = JSON.parse(this.#bytes.toString("utf8", from, to));
    this.#at = to;
    return value;
  }

  skip(): void {
    let depth = 0;
    do {
      const next = this.peek();
      if (next === '"') this.#skipString();
      else if (next === "{" || next === "[") {
        depth += 1;
        if (depth > deepest) throw new SyntaxError(`it is nested more than ${deepest} deep`);
        this.#at += 1;
      } else if (depth > 0 && (next === "}" || next === "]")) {
        depth -= 1;
        this.#at += 1;
      } else if (depth > 0 && (next === "," || next === ":")) this.#at += 1;
      else this.#skipWord();
    } while (depth > 0);
  }

  end(): void {
    if (this.peek() !== "") throw this.#fault();
  }

  /** A number, `true`, `false` or `null`. */
  #skipWord(): void {
    const from = this.#at;
    for (;;) {
      const byte = this.#bytes[this.#at] ?? 0;
      const isPart =
        (byte >= 0x30 && byte <= 0x39) || // 0 to 9
        (byte >= 0x61 && byte <= 0x7a) || // a to z
        byte === 0x2d || // -
        byte === 0x2b || // +
        byte === 0x2e || // .
        byte === 0x45; // E
      if (!isPart) break;
      this.#at += 1;
    }
    if (this.#at === from) throw this.#fault();
  }

  #skipString(): void {
    let end = this.#at;
    for (;;) {
      end = this.#bytes.indexOf(0x22, end + 1);
      if (end < 0) throw this.#fault();
      let backslashes = 0;
      while (this.#bytes[end - 1 - backslashes] === 0x5c) backslashes += 1;
      if (backslashes % 2 === 0) break;
    }
    this.#at = end + 1;
  }

  #takes(character: string): boolean {
    if (this.peek() !== character) return false;
    this.#at += 1;
    return true;
  }

  #expect(character: string): void {
    if (!this.#takes(character)) throw this.#fault();
  }

  #fault(): SyntaxError {
    return new SyntaxError(`no JSON at byte ${this.#at}`);
  }
}
