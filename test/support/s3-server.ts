import type { IncomingMessage } from "node:http";
import { isSignedByAmazon, sha256 } from "./amazon-signature.ts";
import { afterBody, answer, type ScriptedServer, startScriptedServer } from "./scripted-server.ts";

/** A server that keeps objects of one bucket in memory, speaks the part of S3 that is used, and checks every signature. */
export interface S3Server extends ScriptedServer {
  readonly objects: Map<string, Buffer>;
  /** The environment of whoever may use it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Answers the next requests with these statuses, and does nothing of what they ask. */
  readonly fail: number[];
}

export const s3Key = {
  id: "AKIDWAYBILL",
  secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  session: "a/session+token",
};
const pageSize = 3;

export async function startS3Server(bucket: string): Promise<S3Server> {
  const objects = new Map<string, Buffer>();
  const fail: number[] = [];
  const server = await startScriptedServer((request, response, url) =>
    afterBody(request, (body) => {
      const refused = (status: number, code: string) =>
        answer(
          response,
          status,
          { "content-type": "application/xml" },
          `<?xml version="1.0"?><Error><Code>${code}</Code><Message>said of ${s3Key.secret}</Message></Error>`,
        );
      const failure = fail.shift();
      if (failure !== undefined) return refused(failure, "InternalError");
      if (!isSigned(request, body)) return refused(403, "SignatureDoesNotMatch");
      const [, named, encodedKey = ""] = /^\/([^/]+)\/?(.*)$/.exec(url.pathname) ?? [];
      if (named !== bucket) return refused(404, "NoSuchBucket");
      const key = decodeURIComponent(encodedKey);
      if (key === "") return answer(response, 200, {}, listing(objects, url.searchParams));
      const found = objects.get(key);
      switch (request.method) {
        case "PUT":
          objects.set(key, body);
          return answer(response, 200);
        case "DELETE":
          objects.delete(key);
          return answer(response, 204);
      }
      if (found === undefined) return refused(404, "NoSuchKey");
      const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
      if (first === undefined) return answer(response, 200, {}, found);
      const from = Number(first);
      const to = Math.min(found.length, last ? Number(last) + 1 : found.length);
      if (from >= found.length) return answer(response, 416, { "content-range": `bytes */${found.length}` });
      answer(
        response,
        206,
        { "content-range": `bytes ${from}-${to - 1}/${found.length}` },
        found.subarray(from, to),
      );
    }),
  );
  const environment = {
    AWS_ENDPOINT_URL_S3: server.origin,
    AWS_ACCESS_KEY_ID: s3Key.id,
    AWS_SECRET_ACCESS_KEY: s3Key.secret,
    AWS_SESSION_TOKEN: s3Key.session,
    AWS_REGION: "eu-west-2",
  };
  return { ...server, objects, environment, fail };
}

/** Whether a request is signed by the key, and its body is the one that it names. */
function isSigned(request: IncomingMessage, body: Buffer): boolean {
  const { headers } = request;
  return (
    headers["x-amz-content-sha256"] === sha256(body) &&
    isSignedByAmazon(request, body, s3Key, ["x-amz-content-sha256"])
  );
}

function listing(objects: ReadonlyMap<string, Buffer>, query: URLSearchParams): string {
  const prefix = query.get("prefix") ?? "";
  const delimiter = query.get("delimiter");
  const after = query.get("continuation-token") ?? query.get("start-after") ?? "";
  const found = new Map<string, string>();
  for (const key of [...objects.keys()].sort()) {
    if (!key.startsWith(prefix) || key <= after) continue;
    const at = delimiter === null ? -1 : key.indexOf(delimiter, prefix.length);
    const folder = key.slice(0, at + 1);
    if (at >= 0 && after.startsWith(folder)) continue;
    const [name, element] =
      at >= 0
        ? [folder, `<CommonPrefixes><Prefix>${inXml(folder)}</Prefix></CommonPrefixes>`]
        : [key, `<Contents><Key>${inXml(key)}</Key><Size>${objects.get(key)?.length}</Size></Contents>`];
    found.set(name, element);
  }
  const page = [...found].slice(0, pageSize);
  const isTruncated = found.size > pageSize;
  // As a service that remembers by the last name of a page.
  const token = isTruncated
    ? `<NextContinuationToken>${inXml(page.at(-1)?.[0] ?? "")}</NextContinuationToken>`
    : "";
  return `<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>${isTruncated}</IsTruncated>${token}${page.map(([, element]) => element).join("")}</ListBucketResult>`;
}

function inXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("'", "&#39;");
}
