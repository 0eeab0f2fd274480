import * as z from "zod/mini";
import type { Delivery } from "./model.ts";

/** What of a delivery its body says. */
export type PayloadContent = Pick<Delivery, "repositoryUrls" | "refs" | "pull" | "comment" | "registry">;

export const nothingSaid: PayloadContent = {
  repositoryUrls: [],
  refs: [],
  pull: undefined,
  comment: undefined,
  registry: [],
};

/** What a payload says; `undefined` where it is not as its event has it. */
export type Reader = (payload: unknown) => PayloadContent | undefined;

/** A reader by a schema, and what its value says. */
export function reader<Value>(
  schema: z.ZodMiniType<Value>,
  said: (value: Value) => PayloadContent | undefined,
): Reader {
  return (payload) => {
    const parsed = schema.safeParse(payload);
    return parsed.success ? said(parsed.data) : undefined;
  };
}

/** The name of a ref or a repository. */
export const name = z.string().check(z.minLength(1), z.maxLength(1024));
/** The number of a pull request: the database's are no larger. */
export const pullNumber = z.int().check(z.positive(), z.maximum(2 ** 31 - 1));
/** The identity of a comment. */
export const commentId = z.int().check(z.positive());
/** What may be missing. */
export const text = z.nullish(z.string());

const maxUrl = 2048;

/** Addresses of a repository, without the credentials that somebody may have left in them. */
export function addressesOf(urls: readonly (string | null | undefined)[]): readonly string[] {
  const found = urls.flatMap((url) => {
    if (!url || url.length > maxUrl || /[\s\p{Cc}]/u.test(url)) return [];
    if (!URL.canParse(url) || !/^https?:/i.test(url)) return [url];
    const parsed = new URL(url);
    parsed.username = "";
    parsed.password = "";
    return [parsed.href];
  });
  return [...new Set(found)];
}
