import { harmless } from "../errors/index.ts";
import { ObjectError, stepsOf } from "./errors.ts";
import { openObjectFolder } from "./folder.ts";
import { openPublicBucket } from "./gcs.ts";
import type { ObjectReader, ObjectStore } from "./model.ts";
import { openS3Bucket } from "./s3/bucket.ts";
import type { ObjectAccess } from "./wire.ts";

const google = "https://storage.googleapis.com";

/**
 * Opens a place that objects are kept in: a folder, or a bucket as `s3://BUCKET[/PREFIX]`. Nothing is asked of it yet.
 * @throws {ObjectError} `invalid-place`.
 */
export function openObjects(place: string, access: ObjectAccess = {}): ObjectStore {
  const { scheme, rest } = partsOf(place);
  if (scheme === "") return openObjectFolder(rest);
  if (scheme === "s3") return openS3Bucket(bucketIn(place, rest), access);
  throw invalid(place, "objects are kept in a folder, or in a bucket as s3://BUCKET/PREFIX");
}

/**
 * Opens a place that objects are read from: the same, or a bucket that everybody may read, as `gs://BUCKET[/PREFIX]` at Google's or
 * `https://HOST/BUCKET[/PREFIX]` at a server that answers as Google's storage does.
 * @throws {ObjectError} `invalid-place`.
 */
export function openBucket(place: string, access: ObjectAccess = {}): ObjectReader {
  const { scheme, rest } = partsOf(place);
  if (scheme === "gs") return openPublicBucket({ origin: new URL(google), ...bucketIn(place, rest) }, access);
  if (scheme !== "https" && scheme !== "http") return openObjects(place, access);
  const url = URL.canParse(place) ? new URL(place) : undefined;
  if (url === undefined || url.search !== "" || url.username !== "") {
    throw invalid(place, "write https://HOST/BUCKET[/PREFIX]");
  }
  return openPublicBucket(
    { origin: new URL(url.origin), ...bucketIn(place, decodeURI(url.pathname.slice(1))) },
    access,
  );
}

function partsOf(place: string): { readonly scheme: string; readonly rest: string } {
  const [, scheme = "", rest = place] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/s.exec(place) ?? [];
  if (rest === "" || rest.includes("\0")) throw invalid(place, "name a folder or a bucket");
  return { scheme, rest };
}

function bucketIn(place: string, rest: string): { readonly bucket: string; readonly prefix: string } {
  const [bucket = "", ...steps] = rest.replace(/\/+$/, "").split("/");
  if (!/^[a-z0-9][a-z0-9._-]{1,221}$/.test(bucket)) {
    throw invalid(place, "a bucket's name has lower-case letters, digits, hyphens, dots and underscores");
  }
  return { bucket, prefix: steps.length === 0 ? "" : `${stepsOf(steps.join("/")).join("/")}/` };
}

function invalid(place: string, hint: string): ObjectError {
  const shown = harmless(place.slice(0, 200)).replace(/:\/\/[^/]*@/, "://");
  return new ObjectError("invalid-place", `${JSON.stringify(shown)} names no place for objects`, { hint });
}
