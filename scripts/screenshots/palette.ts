import { crc32, deflateSync, inflateSync } from "node:zlib";

/** Pixels, each a number of red, green and blue. */
interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly colors: Uint32Array;
}

/**
 * The same picture with 256 colors at most, in less than half of the bytes: pages have few colors, and edges of letters many that
 * nobody tells apart.
 * @param png As Chromium makes it: 8 bits of red, green and blue, with or without transparency, not interlaced.
 */
export function withPalette(png: Buffer): Buffer {
  const pixels = pixelsOf(png);
  const palette = paletteOf(pixels.colors);
  const { width, height, colors } = pixels;
  const rows = Buffer.alloc((width + 1) * height);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      rows[row * (width + 1) + column + 1] = palette.indexOf(colors[row * width + column] ?? 0);
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  return Buffer.concat([
    png.subarray(0, 8),
    chunk("IHDR", head),
    chunk(
      "PLTE",
      Buffer.from(palette.colors.flatMap((color) => [color >> 16, (color >> 8) & 255, color & 255])),
    ),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** What is most frequent keeps its color; the rest gets the nearest of those. */
function paletteOf(all: Uint32Array) {
  const counts = new Map<number, number>();
  for (const color of all) counts.set(color, (counts.get(color) ?? 0) + 1);
  const frequent = [...counts].sort(([, one], [, other]) => other - one).map(([color]) => color);
  const colors: number[] = [];
  // Colors that stand close to a more frequent one are given up first.
  for (const least of [900, 300, 100, 0]) {
    for (const color of frequent) {
      if (colors.length === 256) break;
      if (colors.every((known) => distance(known, color) > least)) colors.push(color);
    }
  }
  const nearest = new Map<number, number>();
  return {
    colors,
    indexOf(color: number): number {
      const known = nearest.get(color);
      if (known !== undefined) return known;
      let best = 0;
      for (const [index, other] of colors.entries()) {
        if (distance(color, other) < distance(color, colors[best] ?? 0)) best = index;
      }
      nearest.set(color, best);
      return best;
    },
  };
}

function distance(one: number, other: number): number {
  const red = (one >> 16) - (other >> 16);
  const green = ((one >> 8) & 255) - ((other >> 8) & 255);
  const blue = (one & 255) - (other & 255);
  return red * red + green * green + blue * blue;
}

function pixelsOf(png: Buffer): Pixels {
  const width = png.readUInt32BE(16);
  const height = png.readUInt32BE(20);
  const [depth, type, , , interlaced] = png.subarray(24, 29);
  const samples = type === 2 ? 3 : type === 6 ? 4 : undefined;
  if (depth !== 8 || samples === undefined || interlaced !== 0) throw new Error("a picture of another kind");
  const data = inflateSync(Buffer.concat([...chunksOf(png)]));
  const stride = width * samples;
  const rows = Buffer.alloc(stride * height);
  const at = (row: number, index: number): number =>
    row < 0 || index < 0 ? 0 : (rows[row * stride + index] ?? 0);
  for (let row = 0; row < height; row += 1) {
    const filter = data[row * (stride + 1)];
    for (let index = 0; index < stride; index += 1) {
      const left = index < samples ? 0 : at(row, index - samples);
      const up = at(row - 1, index);
      const corner = index < samples ? 0 : at(row - 1, index - samples);
      const raw = data[row * (stride + 1) + index + 1] ?? 0;
      rows[row * stride + index] = raw + predicted(filter, left, up, corner);
    }
  }
  const colors = new Uint32Array(width * height);
  for (let pixel = 0; pixel < colors.length; pixel += 1) {
    colors[pixel] = rows.readUIntBE(pixel * samples, 3);
  }
  return { width, height, colors };
}

/** The filters of PNG (RFC 2083, section 6). */
function predicted(filter: number | undefined, left: number, up: number, corner: number): number {
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  if (filter !== 4) return 0;
  const guess = left + up - corner;
  const [toLeft, toUp, toCorner] = [left, up, corner].map((value) => Math.abs(guess - value));
  if (toLeft === undefined || toUp === undefined || toCorner === undefined) return 0;
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

function* chunksOf(png: Buffer): Generator<Buffer> {
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    if (png.toString("latin1", at + 4, at + 8) === "IDAT") yield png.subarray(at + 8, at + 8 + length);
    at += length + 12;
  }
}

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const whole = Buffer.alloc(named.length + 8);
  whole.writeUInt32BE(data.length, 0);
  named.copy(whole, 4);
  whole.writeUInt32BE(crc32(named), named.length + 4);
  return whole;
}
