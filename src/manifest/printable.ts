import { harmless } from "../errors/index.ts";

const longest = 200;

/** Text of a manifest as it may stand in a message: {@link harmless}, and no more than 200 characters of it. */
export function printable(text: string): string {
  return harmless(text.length > longest ? `${text.slice(0, longest)}…` : text);
}
