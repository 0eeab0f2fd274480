import { Readable } from "node:stream";
import { type AwsKey, CloudError } from "../../clouds/index.ts";
import { isSuccess } from "../../http/index.ts";
import { contentOf, mediaTypeOf, sha256Of } from "../content.ts";
import { ObjectError, stepsOf, stepsOfFolder } from "../errors.ts";
import type { ListedObject, ListOptions, ObjectStore } from "../model.ts";
import { inOrder, isAbsent, objectIn, rangeHeader } from "../reading.ts";
import { type ObjectAccess, type ObjectRequest, openObjectWire } from "../wire.ts";
import { firstIn, textsIn } from "../xml.ts";
import { findKey } from "./credentials.ts";

/** A bucket of S3, or of a service that speaks its protocol. */
export interface S3Place {
  readonly bucket: string;
  /** Empty, or with a slash at its end. */
  readonly prefix: string;
}

/** SHA-256 of nothing. */
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/** What one request may bring. */
const maxObjectBytes = 5 * 1024 ** 3;

/**
 * Objects of a bucket, each request signed by Amazon's Signature Version 4 with the key that the environment names, and what is put
 * with the hash of its bytes, which the service checks. The service is Amazon's, or the one at `AWS_ENDPOINT_URL_S3`.
 */
export function openS3Bucket({ bucket, prefix }: S3Place, access: ObjectAccess): ObjectStore {
  const environment = access.network?.environment ?? process.env;
  const region = environment.AWS_REGION || environment.AWS_DEFAULT_REGION || "us-east-1";
  const base = baseOf(bucket, region, environment);
  const where = `s3://${bucket}${prefix === "" ? "" : `/${prefix.slice(0, -1)}`}`;
  const cache = new Map<string, ArrayBuffer>();
  const keyOf = async (): Promise<AwsKey> => {
    if (access.key === undefined) return findKey(environment);
    return access.key().catch((error: unknown) => {
      throw error instanceof CloudError ? withoutKey(error, where) : error;
    });
  };
  let used: AwsKey | undefined;
  const wire = openObjectWire({
    ...access,
    origin: base,
    where,
    secrets: () => (used === undefined ? [] : [used.secret, used.session ?? ""]),
    async sign({ method, url, headers }) {
      const key = await keyOf();
      if (key.secret !== used?.secret) cache.clear();
      used = key;
      const { AwsV4Signer } = await import("aws4fetch");
      const signer = new AwsV4Signer({
        ...{ method, url: url.href, headers: { ...headers }, service: "s3", region, cache },
        ...{ accessKeyId: key.id, secretAccessKey: key.secret },
        ...(key.session !== undefined && { sessionToken: key.session }),
      });
      const signed = Object.fromEntries((await signer.sign()).headers);
      const { authorization = "", ...others } = signed;
      return { headers: others, authorization };
    },
  });
  const urlOf = (key: string, query: Readonly<Record<string, string>> = {}): URL => {
    const url = new URL(base);
    url.pathname += key.split("/").map(escaped).join("/");
    url.search = Object.entries(query)
      .map((pair) => pair.map(escaped).join("="))
      .join("&");
    return url;
  };
  const pathOf = (path: string): string => `${prefix}${stepsOf(path).join("/")}`;
  const plain = (kind: ObjectRequest["kind"], method: ObjectRequest["method"], url: URL): ObjectRequest => ({
    ...{ kind, method, url },
    headers: { "x-amz-content-sha256": emptyHash },
  });

  return {
    where,
    async put(path, given) {
      const content = contentOf(given);
      if (content.size > maxObjectBytes) {
        throw new ObjectError("objects-refused", `${content.size} bytes are more than one object may have`, {
          where: `${where}/${path}`,
        });
      }
      const answer = await wire.send({
        ...{ kind: "put", method: "PUT", url: urlOf(pathOf(path)), size: content.size },
        headers: {
          "x-amz-content-sha256": await sha256Of(content, `${where}/${path}`),
          "content-type": mediaTypeOf(path),
        },
        body: async () => Readable.from(content.open()),
      });
      if (!isSuccess(answer)) throw wire.refusal(answer);
    },
    async get(path, range) {
      const request = plain("get", "GET", urlOf(pathOf(path)));
      const headers = { ...request.headers, ...rangeHeader(range) };
      const answer = await wire.open({ ...request, headers });
      return objectIn(answer, range, wire);
    },
    async *list(folder, { isDeep = false, after }: ListOptions = {}) {
      stepsOfFolder(folder);
      let token: string | undefined;
      do {
        const query = {
          ...{ "list-type": "2", "max-keys": "1000", prefix: `${prefix}${folder}` },
          ...(!isDeep && { delimiter: "/" }),
          ...(after !== undefined && { "start-after": `${prefix}${after}` }),
          ...(token !== undefined && { "continuation-token": token }),
        };
        const answer = await wire.send(plain("list", "GET", urlOf("", query)));
        if (!isSuccess(answer)) throw wire.refusal(answer);
        const page = pageIn(Buffer.from(answer.bytes).toString("utf8"), prefix, where);
        yield* page.listed.filter(({ path }) => path !== folder && (after === undefined || path > after));
        if (page.next !== undefined && page.next === token) throw unreadable(where);
        token = page.next;
      } while (token !== undefined);
    },
    async delete(path) {
      const answer = await wire.send(plain("delete", "DELETE", urlOf(pathOf(path))));
      if (!isSuccess(answer) && !isAbsent(answer)) throw wire.refusal(answer);
    },
  };
}

function baseOf(bucket: string, region: string, environment: NodeJS.ProcessEnv): URL {
  const endpoint = environment.AWS_ENDPOINT_URL_S3 || environment.AWS_ENDPOINT_URL;
  if (!endpoint) {
    // A certificate of Amazon's is for no name with more dots.
    return bucket.includes(".")
      ? new URL(`https://s3.${region}.amazonaws.com/${bucket}/`)
      : new URL(`https://${bucket}.s3.${region}.amazonaws.com/`);
  }
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new ObjectError("invalid-place", "AWS_ENDPOINT_URL_S3 is no address of a service", {
      hint: "write https://HOST[:PORT]",
    });
  }
  return new URL(`${url.origin}${url.pathname.replace(/\/$/, "")}/${bucket}/`);
}

/** A name in an address, as Amazon's signatures have it. */
function escaped(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

interface Page {
  readonly listed: readonly ListedObject[];
  readonly next: string | undefined;
}

/** A page of `ListObjectsV2`. */
function pageIn(xml: string, prefix: string, where: string): Page {
  const isTruncated = firstIn(xml, "IsTruncated") === "true";
  const next = isTruncated ? firstIn(xml, "NextContinuationToken") : undefined;
  if (!xml.includes("<ListBucketResult") || (isTruncated && next === undefined)) throw unreadable(where);
  const entry = (key: string | undefined, size: number | undefined): ListedObject => {
    if (key?.startsWith(prefix) !== true) throw unreadable(where);
    return { path: key.slice(prefix.length), size };
  };
  const objects = textsIn(xml, "Contents").map((text) => {
    const size = Number(firstIn(text, "Size") ?? Number.NaN);
    if (!Number.isSafeInteger(size)) throw unreadable(where);
    return entry(firstIn(text, "Key"), size);
  });
  const folders = textsIn(xml, "CommonPrefixes").map((text) => entry(firstIn(text, "Prefix"), undefined));
  return { listed: inOrder([...objects, ...folders]), next };
}

function unreadable(where: string): ObjectError {
  return new ObjectError("unexpected-objects-answer", "the store's list of objects cannot be read", {
    where,
  });
}

function withoutKey(cause: CloudError, where: string): ObjectError {
  const { message, hint, status, requestId } = cause;
  return new ObjectError("object-credentials-missing", `there is no key for the bucket: ${message}`, {
    ...{ where, hint, status, requestId, cause },
  });
}
