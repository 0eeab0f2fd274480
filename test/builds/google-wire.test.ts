import { expect, test } from "vitest";
import { openGoogleWire } from "../../src/builds/google-wire.ts";
import type { TracedRequest } from "../../src/http/index.ts";
import { answer, startScriptedServer } from "../support/scripted-server.ts";

test("requests to Google that are shown have no token in them, nor what their addresses are signed with", async () => {
  const token = "ya29.aTokenThatNobodyMaySee";
  const server = await startScriptedServer((_, response) =>
    answer(response, 200, { "x-goog-echo": token, server: `for ${token}` }, "{}"),
  );
  const traced: TracedRequest[] = [];
  const wire = openGoogleWire({
    token: async () => token,
    refused: "cloud-build-refused",
    unreachable: "cloud-build-unreachable",
    signal: new AbortController().signal,
    network: { environment: {}, trace: (request) => void traced.push(request) },
  });
  await wire({ method: "GET", url: `${server.origin}/v1/builds?upload_id=${token}`, mayRepeat: true });
  expect(traced).toMatchObject([
    { method: "GET", url: `${server.origin}/v1/builds?upload_id=…`, outcome: 200 },
  ]);
  expect(JSON.stringify(traced)).not.toContain(token);
  await server.close();
});
