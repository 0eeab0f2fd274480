import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { gunzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import {
  type CloudBuildIo,
  type CloudBuildRequest,
  runOnCloudBuild,
} from "../../../src/builds/engines/gcb.ts";
import { googleTokens } from "../../../src/builds/google-token.ts";
import {
  afterBody,
  answer,
  type ScriptedServer,
  startScriptedServer,
} from "../../support/scripted-server.ts";

const id = "0b5ce0fc-6a64-4d67-8a1f-0cfa5f4e6f57";
const digest = `sha256:${"ab".repeat(32)}`;
const logUrl = `https://console.cloud.google.com/cloud-build/builds/${id}`;

type State = Record<string, unknown>;

/** What Google does, as far as this test goes: each look at the build gives the next state, the last one for ever. */
interface Google {
  states: State[];
  log: string;
  /** Answers that come first, by the beginning of "METHOD path". */
  refusals: [match: string, status: number, headers?: Record<string, string>, body?: string][];
  token: string;
  created?: { [key: string]: unknown };
  uploaded?: Buffer;
  looked: () => void;
  creating: (response: ServerResponse) => void;
  cancelled: boolean;
}

let server: ScriptedServer | undefined;
afterEach(async () => {
  await server?.close();
});

async function google(over: Partial<Google>) {
  const state: Google = {
    states: [],
    log: "",
    refusals: [],
    token: "t",
    cancelled: false,
    looked: () => {},
    creating: () => {},
    ...over,
  };
  const describeBuild = (current: State) => ({ id, logUrl, logsBucket: "gs://scratch/logs", ...current });
  const found = await startScriptedServer((request, response, url) =>
    afterBody(request, (body) => {
      const line = `${request.method} ${url.pathname}`;
      const json = (value: unknown) =>
        answer(response, 200, { "content-type": "application/json" }, JSON.stringify(value));
      const refusal = state.refusals.findIndex(([match]) => line.startsWith(match));
      const [refused] = refusal < 0 ? [] : state.refusals.splice(refusal, 1);
      if (refused !== undefined) return answer(response, refused[1], refused[2], refused[3]);
      if (request.headers.authorization !== `Bearer ${state.token}`) return answer(response, 401);
      if (line.startsWith("POST /upload/")) {
        state.uploaded = body;
        return json({});
      }
      if (line.startsWith("GET /storage/")) {
        const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1]);
        const log = Buffer.from(state.log);
        if (from >= log.length) return answer(response, log.length === 0 ? 404 : 416);
        return answer(response, 206, {}, log.subarray(from));
      }
      if (line.endsWith(":cancel")) {
        state.cancelled = true;
        return json(describeBuild({ status: "CANCELLED" }));
      }
      if (request.method === "POST") {
        state.created = JSON.parse(body.toString());
        state.creating(response);
        return json({ name: "operations/x", metadata: { build: describeBuild({ status: "QUEUED" }) } });
      }
      const current = state.states.length > 1 ? state.states.shift() : state.states[0];
      json(describeBuild(current ?? {}));
      state.looked();
    }),
  );
  server = found;
  return { state, origin: found.origin, seen: found.seen };
}

const request: CloudBuildRequest = {
  document: {
    steps: [{ name: "a" }, { name: "b" }],
    substitutions: { _A: "file", _B: "file" },
    options: { logging: "X" },
  },
  substitutions: { _A: "line" },
  project: "k8s-staging-x",
  region: "global",
  scratchBucket: "gs://scratch",
  pollingSeconds: 0.005,
  suppressLogs: false,
};

function ioFor(origin: string, over: Partial<CloudBuildIo> = {}) {
  const written: Buffer[] = [];
  const io: CloudBuildIo = {
    output: (chunk) => void written.push(Buffer.from(chunk)),
    signal: new AbortController().signal,
    token: async () => "t",
    buildOrigin: origin,
    storageOrigin: origin,
    firstWait: 1,
    ...over,
  };
  return { io, text: () => Buffer.concat(written).toString() };
}

const success = {
  status: "SUCCESS",
  steps: [
    {
      name: "a",
      status: "SUCCESS",
      exitCode: 0,
      timing: { startTime: "2026-01-02T03:04:05Z", endTime: "2026-01-02T03:04:07.5Z" },
    },
    { name: "b", status: "FAILURE", exitCode: 1, allowFailure: true },
  ],
  results: { images: [{ name: "gcr.io/k8s-staging-x/i:v1", digest }], buildStepImages: [digest, ""] },
};

describe("runOnCloudBuild", () => {
  it("sends the source, waits, shows the log as it grows, and tells what was built", async () => {
    const { state, origin } = await google({
      states: [{ status: "WORKING" }, { status: "WORKING" }, success],
      log: "",
    });
    let looks = 0;
    state.looked = () => {
      state.log += `line ${++looks}\n`;
    };
    const { io, text } = ioFor(origin);
    const sent = {
      ...request,
      source: () => Readable.from([Buffer.from("a tar")]),
      machineType: "e2-highcpu-8",
    };
    const end = await runOnCloudBuild(
      { ...sent, serviceAccount: "x@y.iam.gserviceaccount.com", workerPool: "pool" },
      io,
    );
    expect(end).toEqual({
      status: "success",
      images: [{ name: "gcr.io/k8s-staging-x/i:v1", digest }],
      steps: [
        {
          index: 0,
          status: "success",
          exitCode: 0,
          startedAt: "2026-01-02T03:04:05Z",
          milliseconds: 2500,
          image: { name: "a", digest },
        },
        { index: 1, status: "allowed-failure", exitCode: 1 },
      ],
    });
    expect(text()).toBe(`Logs are available at ${logUrl}\nline 1\nline 2\nline 3\n`);
    expect(gunzipSync(state.uploaded ?? "").toString()).toBe("a tar");
    expect(state.created).toEqual({
      ...request.document,
      substitutions: { _A: "line", _B: "file" },
      options: { logging: "X", machineType: "E2_HIGHCPU_8", pool: { name: "pool" } },
      source: { storageSource: { bucket: "scratch", object: expect.stringMatching(/^source\/.+\.tgz$/) } },
      logsBucket: "gs://scratch/logs",
      serviceAccount: "projects/-/serviceAccounts/x@y.iam.gserviceaccount.com",
    });
  });

  it("needs no source, and can be quiet", async () => {
    const { state, origin, seen } = await google({ states: [success] });
    const { scratchBucket: _, ...bare } = request;
    const { io } = ioFor(origin);
    expect((await runOnCloudBuild({ ...bare, suppressLogs: true }, io)).status).toBe("success");
    expect(state.created).not.toHaveProperty("source");
    expect(seen.map(({ url }) => url)).toEqual([
      "/v1/projects/k8s-staging-x/locations/global/builds",
      `/v1/projects/k8s-staging-x/locations/global/builds/${id}`,
    ]);
  });

  it.each([
    [
      "FAILURE",
      "failure",
      [{ status: "SUCCESS" }, { status: "FAILURE", exitCode: 2 }, {}],
      ["success", "failure", "not-started"],
    ],
    ["TIMEOUT", "timeout", [{ status: "TIMEOUT" }, { status: "QUEUED" }], ["timeout", "not-started"]],
    ["EXPIRED", "timeout", [{ status: "QUEUED" }], ["not-started"]],
    ["CANCELLED", "cancelled", [{ status: "WORKING" }], ["cancelled"]],
    ["INTERNAL_ERROR", "failure", undefined, []],
  ])("says %s", async (status, expected, steps, stepsExpected) => {
    const failed = {
      status,
      steps,
      failureInfo: { type: "USER_BUILD_STEP", detail: "step 1 \u001b[2J exited with 2" },
    };
    const { origin } = await google({ states: [{ status: "QUEUED" }, { status: "PENDING" }, failed] });
    const end = await runOnCloudBuild(request, ioFor(origin).io);
    expect(end.status).toBe(expected);
    expect(end.steps.map((step) => step.status)).toEqual(stepsExpected);
    expect(end.failure).toMatchObject({
      message: `Cloud Build says ${status}: step 1 \\u{1b}[2J exited with 2`,
      hint: `see ${logUrl}`,
    });
  });

  it("waits where there were too many requests, and where servers fail", async () => {
    const { origin, seen } = await google({
      states: [success],
      refusals: [
        ["POST /v1/", 429, { "retry-after": "0" }],
        [`GET /v1/projects/k8s-staging-x/locations/global/builds/${id}`, 503],
        [`GET /v1/projects/k8s-staging-x/locations/global/builds/${id}`, 429],
      ],
    });
    expect((await runOnCloudBuild({ ...request, suppressLogs: true }, ioFor(origin).io)).status).toBe(
      "success",
    );
    expect(seen).toHaveLength(5);
  });

  it("does not make a build twice when it is not known whether there is one", async () => {
    const { origin, seen } = await google({ states: [success], refusals: [["POST /v1/", 500]] });
    await expect(runOnCloudBuild(request, ioFor(origin).io)).rejects.toMatchObject({
      code: "cloud-build-refused",
    });
    expect(seen).toHaveLength(1);
  });

  it("takes a new token when the old one expires, once", async () => {
    const { state, origin } = await google({ states: [{ status: "WORKING" }, success], token: "t" });
    state.looked = () => {
      state.token = "new";
    };
    const asked: boolean[] = [];
    const token: CloudBuildIo["token"] = async ({ isFresh }) => {
      asked.push(isFresh);
      return isFresh ? "new" : "t";
    };
    expect((await runOnCloudBuild(request, ioFor(origin, { token }).io)).status).toBe("success");
    expect(asked).toEqual([false, true]);
    state.token = "nobody has it";
    await expect(runOnCloudBuild(request, ioFor(origin, { token }).io)).rejects.toMatchObject({
      code: "cloud-build-refused",
      hint: expect.stringMatching(/log in again/),
    });
  });

  it("says what Google refuses", async () => {
    const body = JSON.stringify({ error: { code: 403, message: "The caller does not have permission" } });
    const { origin } = await google({ refusals: [["POST /v1/", 403, {}, body]] });
    await expect(runOnCloudBuild(request, ioFor(origin).io)).rejects.toMatchObject({
      code: "cloud-build-refused",
      message: expect.stringMatching(/403 The caller does not have permission/),
    });
  });

  it("goes on without a log that may not be read", async () => {
    const { origin } = await google({
      states: [{ status: "WORKING" }, success],
      refusals: [["GET /storage/", 403]],
    });
    const { io, text } = ioFor(origin);
    expect((await runOnCloudBuild(request, io)).status).toBe("success");
    expect(text()).toMatch(/The log cannot be read: .*403/);
  });

  it("cancels the build there when the signal is given", async () => {
    const controller = new AbortController();
    const { state, origin } = await google({
      states: [{ status: "WORKING" }],
      looked: () => controller.abort(),
    });
    const running = runOnCloudBuild(request, ioFor(origin, { signal: controller.signal }).io);
    await expect(running).rejects.toMatchObject({ name: "AbortError" });
    expect(state.cancelled).toBe(true);
  });

  it("cancels a build whose creation is under way when the signal is given", async () => {
    const controller = new AbortController();
    const { state, origin } = await google({ creating: () => controller.abort() });
    const running = runOnCloudBuild(request, ioFor(origin, { signal: controller.signal }).io);
    await expect(running).rejects.toMatchObject({ name: "AbortError" });
    expect(state.cancelled).toBe(true);
  });

  it("says that there may be a build when nobody answers whether it was made before the signal", async () => {
    const controller = new AbortController();
    const { origin } = await google({
      creating: (response) => {
        controller.abort();
        response.socket?.destroy();
      },
    });
    const { io, text } = ioFor(origin, { signal: controller.signal });
    await expect(runOnCloudBuild(request, io)).rejects.toMatchObject({ name: "AbortError" });
    expect(text()).toMatch(/k8s-staging-x may have a build now/);
  });

  it("refuses what names no bucket, and answers that are none", async () => {
    const { origin } = await google({ states: [{ status: 7 }] });
    const { io } = ioFor(origin);
    await expect(runOnCloudBuild({ ...request, scratchBucket: "gs://" }, io)).rejects.toMatchObject({
      message: expect.stringMatching(/names no bucket/),
    });
    await expect(runOnCloudBuild(request, io)).rejects.toMatchObject({
      message: expect.stringMatching(/not known here/),
    });
  });
});

describe("googleTokens", () => {
  const { signal } = new AbortController();

  it("takes that of the environment, but not once it is refused", async () => {
    const token = googleTokens(
      { GOOGLE_OAUTH_ACCESS_TOKEN: "given", PATH: "/nowhere" },
      signal,
      "http://127.0.0.1:1",
    );
    expect(await token({ isFresh: false })).toBe("given");
    await expect(token({ isFresh: true })).rejects.toMatchObject({
      message: expect.stringMatching(/no longer valid/),
    });
  });

  it("gives the one that it had when nobody may be asked any more, as whoever cancels a build needs it", async () => {
    server = await startScriptedServer((_, response) =>
      answer(response, 200, { "metadata-flavor": "Google" }, JSON.stringify({ access_token: "machine" })),
    );
    const stop = new AbortController();
    const token = googleTokens({ PATH: "/nowhere" }, stop.signal, server.origin);
    expect(await token({ isFresh: false })).toBe("machine");
    stop.abort();
    expect(await token({ isFresh: false })).toBe("machine");
    await expect(token({ isFresh: true })).rejects.toThrow();
  });

  it("asks the machine's metadata server where there is no gcloud", async () => {
    server = await startScriptedServer((_, response) =>
      answer(response, 200, { "metadata-flavor": "Google" }, JSON.stringify({ access_token: "machine" })),
    );
    expect(await googleTokens({ PATH: "/nowhere" }, signal, server.origin)({ isFresh: false })).toBe(
      "machine",
    );
    const nobody = googleTokens({ PATH: "/nowhere" }, signal, "http://127.0.0.1:1");
    await expect(nobody({ isFresh: false })).rejects.toMatchObject({
      message: expect.stringMatching(/no login/),
    });
  });
});
