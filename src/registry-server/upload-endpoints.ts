import { algorithmOf, type Digest, isRepositoryPath, type RepositoryPath } from "../oci/index.ts";
import type { Exchange } from "./exchange.ts";
import { readContentRange } from "./ranges.ts";
import { Refusal } from "./refusal.ts";
import { type RouteTo, requestedDigest } from "./route.ts";
import type { Storage } from "./storage.ts";
import { refuseTooLarge, type UploadSession } from "./upload-session.ts";

/**
 * `POST` to the uploads of a repository: mounts a blob (`?mount=`, with or without `&from=`), takes in a whole one
 * (`?digest=`), or opens a session. A blob that cannot be mounted opens a session too, as the specification has it.
 */
export async function postUpload(exchange: Exchange, storage: Storage, { repository }: RouteTo<"uploads">) {
  const { query } = exchange;
  const mount = query.get("mount");
  if (mount !== null) {
    const digest = requestedDigest(mount);
    const from = query.get("from") ?? undefined;
    const mayMount = from === undefined || isRepositoryPath(from);
    if (mayMount && (await storage.blobs.mount(digest, repository, from))) {
      return answerCreated(exchange, repository, digest);
    }
  }
  const whole = query.get("digest");
  if (whole === null || mount !== null) {
    const session = await storage.uploads.begin(repository, exchange.client);
    return exchange.answer(202, progress(repository, session));
  }
  await takeWhole(exchange, storage, repository, requestedDigest(whole));
}

async function takeWhole(exchange: Exchange, storage: Storage, repository: RepositoryPath, digest: Digest) {
  const session = await storage.uploads.beginWhole(repository, exchange.client);
  try {
    await append(exchange, storage, session, digest);
  } catch (thrown) {
    // Nobody knows this session: nobody could go on with it.
    await session.cancel().catch(() => undefined);
    throw thrown;
  }
  await finish(exchange, storage, repository, session, digest);
}

/** A request to one upload session. @throws {Refusal} `BLOB_UPLOAD_UNKNOWN` when the repository has no such session. */
export async function atUpload(exchange: Exchange, storage: Storage, { repository, id }: RouteTo<"upload">) {
  const session = await storage.uploads.find(repository, id, exchange.client);
  if (session === undefined) {
    throw new Refusal("BLOB_UPLOAD_UNKNOWN", `repository ${repository} has no upload session ${id}`);
  }
  switch (exchange.method) {
    case "GET":
    case "HEAD":
      return exchange.answer(204, progress(repository, session));
    case "PATCH":
      await append(exchange, storage, session, undefined);
      return exchange.answer(202, progress(repository, session));
    case "DELETE":
      await session.cancel();
      return exchange.answer(204, {});
    default: {
      const digest = requestedDigest(exchange.query.get("digest") ?? "");
      if (hasBody(exchange)) await append(exchange, storage, session, digest);
      await finish(exchange, storage, repository, session, digest);
    }
  }
}

async function append(
  exchange: Exchange,
  { room }: Storage,
  session: UploadSession,
  digest: Digest | undefined,
): Promise<void> {
  const range = readContentRange(exchange.header("content-range"));
  if (range === "malformed") {
    const message = "a Content-Range of a chunk is written <first byte>-<last byte>";
    throw new Refusal("BLOB_UPLOAD_INVALID", message);
  }
  const announced = Number(exchange.header("content-length") ?? 0);
  refuseTooLarge(announced);
  await room.expect(announced);
  await session.append({
    bytes: exchange.body(),
    start: range?.start,
    length: range === undefined ? undefined : range.end - range.start + 1,
    algorithm: digest === undefined ? "sha256" : algorithmOf(digest),
    abort: () => exchange.abort(),
  });
}

async function finish(
  exchange: Exchange,
  storage: Storage,
  repository: RepositoryPath,
  session: UploadSession,
  digest: Digest,
): Promise<void> {
  await session.finish(digest, (path) => storage.blobs.adopt(path, repository, digest));
  answerCreated(exchange, repository, digest);
}

function hasBody(exchange: Exchange): boolean {
  return (
    exchange.header("transfer-encoding") !== undefined || Number(exchange.header("content-length") ?? 0) > 0
  );
}

function answerCreated(exchange: Exchange, repository: RepositoryPath, digest: Digest): void {
  exchange.answer(201, { Location: `/v2/${repository}/blobs/${digest}`, "Docker-Content-Digest": digest });
}

/** Where the session is and what it has. A session without bytes says `0-0` too: there is no way to say "nothing". */
function progress(repository: RepositoryPath, session: UploadSession): Record<string, string> {
  return {
    Location: `/v2/${repository}/blobs/uploads/${session.id}`,
    Range: `0-${Math.max(session.size - 1, 0)}`,
    "Docker-Upload-UUID": session.id,
  };
}
