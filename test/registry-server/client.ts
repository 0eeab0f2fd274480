import { mkdtemp, rm } from "node:fs/promises";
import { type IncomingHttpHeaders, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import {
  type RegistryServer,
  type RegistryServerOptions,
  startRegistryServer,
} from "../../src/registry-server/index.ts";
import type { Blob, Manifest, Sample } from "./samples.ts";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Question {
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: string | Uint8Array;
}

/** Sends one request exactly as it is written: no path is tidied, no header is added but `Host` and the length. */
export function ask(url: string, method: string, path: string, question: Question = {}): Promise<Answer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const headers = question.headers ?? {};
    const sent = request({ hostname, port, method, path, headers, agent: false }, (response) => {
      const pieces: Uint8Array[] = [];
      response.on("data", (piece: Uint8Array) => pieces.push(piece));
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(pieces),
        }),
      );
    });
    sent.on("error", reject);
    sent.end(question.body ?? "");
  });
}

/** The error code of an answer, which must have the form that the specification lays down. */
export function errorCode(answer: Answer): string {
  const parsed = JSON.parse(answer.body.toString("utf8")) as { errors: [{ code: string; message: string }] };
  return parsed.errors[0].code;
}

/** A registry in a folder of its own, gone when the test ends. */
export async function startForTest(
  options: Partial<RegistryServerOptions> = {},
): Promise<RegistryServer & { dir: string }> {
  const dir = options.dir ?? (await temporaryFolder());
  const server = await startRegistryServer({ ...options, dir });
  onTestFinished(() => server.close());
  return { ...server, dir };
}

/** A folder, gone when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "waybill-registry-server-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

export async function pushBlob(
  url: string,
  repository: string,
  blob: Blob,
  headers: Question["headers"] = {},
): Promise<Answer> {
  const path = `/v2/${repository}/blobs/uploads/?digest=${blob.digest}`;
  return ask(url, "POST", path, { headers, body: blob.bytes });
}

export async function pushManifest(
  url: string,
  repository: string,
  reference: string,
  manifest: Manifest,
  headers: Question["headers"] = {},
) {
  return ask(url, "PUT", `/v2/${repository}/manifests/${reference}`, {
    headers: { "Content-Type": manifest.mediaType, ...headers },
    body: manifest.bytes,
  });
}

/** Pushes everything of a sample, and its last manifest under the tag. */
export async function pushSample(
  url: string,
  repository: string,
  sample: Sample,
  tag?: string,
): Promise<void> {
  for (const blob of sample.blobs) must(await pushBlob(url, repository, blob), 201);
  for (const manifest of sample.manifests)
    must(await pushManifest(url, repository, manifest.digest, manifest), 201);
  const last = sample.manifests.at(-1);
  if (tag !== undefined && last !== undefined) must(await pushManifest(url, repository, tag, last), 201);
}

function must(answer: Answer, status: number): void {
  if (answer.status !== status) throw new Error(`${answer.status}: ${answer.body.toString("utf8")}`);
}
