import { randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { createGzip } from "node:zlib";
import * as z from "zod/mini";
import { harmless, messageOf } from "../../errors/index.ts";
import type { Network } from "../../http/index.ts";
import type { Digest } from "../../oci/index.ts";
import type { ActionIo } from "../engine.ts";
import { BuildError } from "../errors.ts";
import { type GoogleWire, openGoogleWire, type TokenSource } from "../google-wire.ts";
import type { BuildOutcome, BuildStatus, GoogleOptions, GoogleService } from "../model.ts";
import { buildSchema, endOf, failureOf, type GoogleBuild, imagesOf, stepsOf } from "./gcb-answers.ts";

export interface CloudBuildRequest extends GoogleOptions {
  /** The build file as plain JSON, in camelCase. */
  readonly document: Readonly<Record<string, unknown>>;
  /** With `_`; they win over those of the file. */
  readonly substitutions: Readonly<Record<string, string>>;
  readonly project: string;
  /** Opens a tar of the source, anew for each attempt to send it; none for a build without source. */
  readonly source?: (() => Readable) | undefined;
}

/** Where Google's service is spoken to, and as whom. */
export interface CloudBuildIo extends ActionIo, GoogleService {
  /** How Google is reached; by the environment of this process without it. */
  readonly network?: Network | undefined;
  readonly token: TokenSource;
}

export interface CloudBuildEnd extends Omit<BuildOutcome, "name"> {
  /** What Cloud Build pushed by `images`; what steps pushed, it does not know. */
  readonly images: readonly { readonly name: string; readonly digest: Digest }[];
}

interface Service {
  readonly wire: GoogleWire;
  readonly builds: string;
  readonly storage: string;
}

const cancelMilliseconds = 30_000;
const uploadAnswerMilliseconds = 10 * 60_000;
const usualPollingSeconds = 10;
const logPiece = 2 * 1024 * 1024;

/**
 * Gives a build to Google Cloud Build and waits for its end, as `gcloud builds submit` does; when the signal is given, it is
 * cancelled there. Looks become rarer, up to the polling interval: quotas of projects are small.
 * @throws {BuildError} `cloud-build-refused`, `cloud-build-unreachable`; the reason of the signal.
 */
export async function runOnCloudBuild(request: CloudBuildRequest, io: CloudBuildIo): Promise<CloudBuildEnd> {
  const open = (signal: AbortSignal) =>
    openGoogleWire({
      token: io.token,
      network: io.network,
      signal,
      refused: "cloud-build-refused",
      unreachable: "cloud-build-unreachable",
      firstWait: io.firstWait,
    });
  const parts = ["projects", request.project, "locations", request.region ?? "global", "builds"].map(
    encodeURIComponent,
  );
  const ending = endingOf(io.signal);
  const service: Service = {
    wire: open(ending.signal),
    builds: `${io.buildOrigin ?? "https://cloudbuild.googleapis.com"}/v1/${parts.join("/")}`,
    storage: io.storageOrigin ?? "https://storage.googleapis.com",
  };
  let started: GoogleBuild | undefined;
  try {
    const source = request.source && (await upload(service, request, request.source));
    started = await ending.late(() => create(service, request, source, io));
    return await follow(service, request, started, io);
  } catch (error) {
    if (started !== undefined && io.signal.aborted)
      await cancel({ ...service, wire: open(AbortSignal.timeout(cancelMilliseconds)) }, started.id);
    throw error;
  } finally {
    ending.over();
  }
}

/** A signal that is given with another, at once but while something goes on that is worth waiting for. */
function endingOf(signal: AbortSignal) {
  const controller = new AbortController();
  let late = 0;
  let timer: NodeJS.Timeout | undefined;
  const heed = (): void => {
    const give = (): void => controller.abort(signal.reason);
    if (late === 0) give();
    else timer = setTimeout(give, late);
  };
  if (signal.aborted) heed();
  signal.addEventListener("abort", heed);
  return {
    signal: controller.signal,
    async late<Done>(work: () => Promise<Done>): Promise<Done> {
      late = cancelMilliseconds;
      return work().finally(() => {
        late = 0;
      });
    },
    over(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", heed);
    },
  };
}

interface StoragePlace {
  readonly bucket: string;
  readonly object: string;
}

function placeIn(address: string, name: string): StoragePlace {
  const [, bucket, path = ""] = /^(?:gs:\/\/)?([a-z0-9][a-z0-9._-]+)(?:\/(.*?))?\/*$/.exec(address) ?? [];
  if (bucket === undefined) {
    throw new BuildError("cloud-build-refused", `${harmless(address)} names no bucket as gs://BUCKET does`);
  }
  return { bucket, object: path === "" ? name : `${path}/${name}` };
}

async function upload(
  { wire, storage }: Service,
  request: CloudBuildRequest,
  source: () => Readable,
): Promise<StoragePlace> {
  const bucket = request.scratchBucket ?? `gs://${request.project.replace(":", "_")}_cloudbuild`;
  const place = placeIn(bucket, `source/${Date.now()}-${randomUUID()}.tgz`);
  const query = new URLSearchParams({ uploadType: "media", name: place.object });
  await wire({
    method: "POST",
    url: `${storage}/upload/storage/v1/b/${place.bucket}/o?${query}`,
    headers: { "content-type": "application/gzip" },
    body: () => compressed(source()),
    // The last megabytes are still on their way when all has been sent.
    answerWithin: uploadAnswerMilliseconds,
    // The name is the build's own: a second time puts the same there.
    mayRepeat: true,
  });
  return place;
}

function compressed(source: Readable): Readable {
  const gzip = createGzip();
  source.on("error", (error) => gzip.destroy(error));
  gzip.on("close", () => source.destroy());
  return source.pipe(gzip);
}

const operationSchema = z.object({ metadata: z.object({ build: buildSchema }) });

/**
 * Creates the build. What was sent when the signal is given may have made one, so that its answer is waited for all the same: who
 * has it can cancel the build. Without an answer it is said that there may be one.
 */
async function create(
  { wire, builds }: Service,
  request: CloudBuildRequest,
  source: StoragePlace | undefined,
  io: CloudBuildIo,
): Promise<GoogleBuild> {
  const headers = { "content-type": "application/json" };
  let isSent = false;
  const body = (): string => {
    // Nothing is sent again once nobody wants it.
    io.signal.throwIfAborted();
    isSent = true;
    return JSON.stringify(buildOf(request, source));
  };
  try {
    // There might be two builds.
    const answer = await wire({ method: "POST", url: builds, headers, body, mayRepeat: false });
    return read(answer, operationSchema).metadata.build;
  } catch (error) {
    const isRefused = error instanceof BuildError && error.code === "cloud-build-refused";
    if (io.signal.aborted && isSent && !isRefused) {
      io.output(
        Buffer.from(`${request.project} may have a build now that nobody has cancelled: look there\n`),
      );
    }
    io.signal.throwIfAborted();
    throw error;
  }
}

function buildOf(request: CloudBuildRequest, source: StoragePlace | undefined): Record<string, unknown> {
  const { document, scratchBucket, machineType, workerPool, serviceAccount } = request;
  const recordOf = (value: unknown) => (typeof value === "object" && value !== null ? { ...value } : {});
  const options = {
    ...recordOf(document.options),
    // gcloud takes e2-highcpu-8 for E2_HIGHCPU_8.
    ...(machineType === undefined ? {} : { machineType: machineType.toUpperCase().replaceAll("-", "_") }),
    ...(workerPool === undefined ? {} : { pool: { name: workerPool } }),
  };
  const logs = scratchBucket === undefined ? undefined : placeIn(scratchBucket, "logs");
  return {
    ...document,
    substitutions: { ...recordOf(document.substitutions), ...request.substitutions },
    ...(Object.keys(options).length === 0 ? {} : { options }),
    ...(source && { source: { storageSource: source } }),
    ...(logs && { logsBucket: `gs://${logs.bucket}/${logs.object}` }),
    ...(serviceAccount && { serviceAccount: accountName(serviceAccount) }),
  };
}

function accountName(account: string): string {
  return account.includes("/") ? account : `projects/-/serviceAccounts/${account}`;
}

async function follow(
  service: Service,
  request: CloudBuildRequest,
  started: GoogleBuild,
  io: CloudBuildIo,
): Promise<CloudBuildEnd> {
  let wait = io.firstWait ?? 2_000;
  let build = started;
  const log = request.suppressLogs ? undefined : openLog(service, io);
  if (build.logUrl !== undefined) io.output(Buffer.from(`Logs are available at ${harmless(build.logUrl)}\n`));
  for (;;) {
    const status = endOf(build);
    await log?.(build);
    if (status !== undefined) return endedAs(status, build);
    await sleep(wait, undefined, { signal: io.signal });
    wait = Math.min(wait * 1.5, (request.pollingSeconds ?? usualPollingSeconds) * 1000);
    const url = `${service.builds}/${started.id}`;
    build = read(await service.wire({ method: "GET", url, mayRepeat: true }), buildSchema);
  }
}

function endedAs(status: BuildStatus, build: GoogleBuild): CloudBuildEnd {
  return {
    status,
    steps: stepsOf(build),
    images: imagesOf(build),
    failure: status === "success" ? undefined : failureOf(build),
  };
}

/** Shows what has been added to the log since the last time. A log that cannot be read is no failure of the build. */
function openLog({ wire, storage }: Service, io: CloudBuildIo): (build: GoogleBuild) => Promise<void> {
  let size = 0;
  let isReadable = true;
  return async ({ id, logsBucket }) => {
    try {
      for (
        let piece = logPiece;
        isReadable && logsBucket !== undefined && piece === logPiece;
        size += piece
      ) {
        const { bucket, object } = placeIn(logsBucket, `log-${id}.txt`);
        const { status, bytes } = await wire({
          method: "GET",
          url: `${storage}/storage/v1/b/${bucket}/o/${encodeURIComponent(object)}?alt=media`,
          headers: { range: `bytes=${size}-${size + logPiece - 1}` },
          mayRepeat: true,
          // There is none yet, or nothing new in it.
          alsoFine: [404, 416],
        });
        // 200 is the whole log, from a server that knows no ranges.
        const added = status >= 400 ? Buffer.of() : status === 206 ? bytes : bytes.subarray(size);
        if (added.length > 0) io.output(added);
        piece = added.length;
      }
    } catch (error) {
      io.signal.throwIfAborted();
      isReadable = false;
      io.output(Buffer.from(`The log cannot be read: ${messageOf(error)}\n`));
    }
  };
}

/** Never throws: what brought us here is what matters. */
async function cancel({ wire, builds }: Service, id: string): Promise<void> {
  const headers = { "content-type": "application/json" };
  const url = `${builds}/${id}:cancel`;
  await wire({ method: "POST", url, headers, body: () => "{}", mayRepeat: true }).catch(() => undefined);
}

function read<T>({ bytes }: { readonly bytes: Uint8Array }, schema: z.ZodMiniType<T>): T {
  try {
    return schema.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
  } catch (cause) {
    throw new BuildError("cloud-build-refused", "Cloud Build answered in a way that is not known here", {
      cause,
    });
  }
}
