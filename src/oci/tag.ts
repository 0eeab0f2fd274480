import { phrase } from "../errors/index.ts";
import { OciError } from "./errors.ts";

declare const tagBrand: unique symbol;

/** A tag as the OCI distribution specification defines it: at most 128 of `[A-Za-z0-9_.-]`, not starting with `.` or `-`. */
export type Tag = string & { readonly [tagBrand]: true };

const pattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/** Whether the text is a tag. */
export function isTag(text: string): text is Tag {
  return pattern.test(text);
}

/** The text as a tag. @throws {OciError} `invalid-tag`. */
export function parseTag(text: string): Tag {
  if (isTag(text)) return text;
  throw new OciError("invalid-tag", phrase`invalid tag: ${JSON.stringify(text.slice(0, 200))}`, {
    hint: "a tag has 1 to 128 of the characters A-Z a-z 0-9 _ . - and starts with none of . and -",
  });
}
