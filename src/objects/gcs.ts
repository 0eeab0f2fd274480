import * as z from "zod/mini";
import { isSuccess } from "../http/index.ts";
import { jsonIn } from "../oci/index.ts";
import { ObjectError, stepsOf, stepsOfFolder } from "./errors.ts";
import type { ObjectReader } from "./model.ts";
import { inOrder, objectIn, rangeHeader } from "./reading.ts";
import { type ObjectAccess, openObjectWire } from "./wire.ts";

/** A bucket of Google's that everybody may read, or of a server that has the same addresses. */
export interface PublicBucket {
  readonly origin: URL;
  readonly bucket: string;
  /** Empty, or with a slash at its end. */
  readonly prefix: string;
}

const pageSchema = z.object({
  items: z.optional(z.array(z.object({ name: z.string(), size: z.string().check(z.regex(/^\d{1,15}$/)) }))),
  prefixes: z.optional(z.array(z.string())),
  nextPageToken: z.optional(z.string()),
});

/** Reads a bucket without a key: objects at `/BUCKET/PATH`, lists by the JSON API (`/storage/v1/b/BUCKET/o`). */
export function openPublicBucket(
  { origin, bucket, prefix }: PublicBucket,
  access: ObjectAccess,
): ObjectReader {
  const where = new URL(`/${bucket}/${prefix}`.replace(/\/$/, ""), origin).href;
  const wire = openObjectWire({ ...access, origin, where });
  const unreadable = (): ObjectError =>
    new ObjectError("unexpected-objects-answer", "the bucket's list of objects cannot be read", {
      where,
      hint: "lists are asked for by the JSON API of Google's storage, at /storage/v1/b/BUCKET/o",
    });
  return {
    where,
    async get(path, range) {
      const steps = [bucket, ...`${prefix}${stepsOf(path).join("/")}`.split("/")];
      const url = new URL(`/${steps.map(encodeURIComponent).join("/")}`, origin);
      const answer = await wire.open({ kind: "get", method: "GET", url, headers: rangeHeader(range) });
      return objectIn(answer, range, wire);
    },
    async *list(folder, { isDeep = false, after } = {}) {
      stepsOfFolder(folder);
      let pageToken: string | undefined;
      do {
        const url = new URL(`/storage/v1/b/${encodeURIComponent(bucket)}/o`, origin);
        const asked = {
          ...{
            prefix: `${prefix}${folder}`,
            fields: "items(name,size),prefixes,nextPageToken",
            maxResults: "1000",
          },
          ...(!isDeep && { delimiter: "/" }),
          ...(after !== undefined && { startOffset: `${prefix}${after}` }),
          ...(pageToken !== undefined && { pageToken }),
        };
        url.search = new URLSearchParams(asked).toString();
        const answer = await wire.send({ kind: "list", method: "GET", url });
        if (!isSuccess(answer)) throw wire.refusal(answer);
        const page = pageSchema.safeParse(jsonIn(Buffer.from(answer.bytes).toString("utf8"))).data;
        if (page === undefined) throw unreadable();
        const { items = [], prefixes = [], nextPageToken } = page;
        const entries = [
          ...items.map(({ name, size }) => ({ path: name, size: Number(size) })),
          ...prefixes.map((path) => ({ path, size: undefined })),
        ];
        for (const { path, size } of inOrder(entries)) {
          if (!path.startsWith(`${prefix}${folder}`)) throw unreadable();
          const own = path.slice(prefix.length);
          if (own !== folder && (after === undefined || own > after)) yield { path: own, size };
        }
        if (nextPageToken !== undefined && nextPageToken === pageToken) throw unreadable();
        pageToken = nextPageToken;
      } while (pageToken !== undefined);
    },
  };
}
