import { afterEach, describe, expect, it, vi } from "vitest";
import { openProgress } from "../../src/cli/progress.ts";
import { createTerminal } from "../../src/cli/terminal.ts";
import { digestOf, mediaTypes } from "../../src/oci/index.ts";
import { answer, type ScriptedServer, startScriptedServer } from "../support/scripted-server.ts";
import { runWith } from "./captured.ts";

let server: ScriptedServer | undefined;

afterEach(() => server?.close());

const index = Buffer.from(
  JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] }),
);

describe("a host that demands a pause", () => {
  it("is waited for, and one line says so", async () => {
    let refusals = 0;
    server = await startScriptedServer((_, response) => {
      refusals += 1;
      if (refusals <= 1) return answer(response, 429, { "retry-after": "1" });
      answer(
        response,
        200,
        { "content-type": mediaTypes.ociIndex, "docker-content-digest": digestOf(index) },
        index,
      );
    });
    const { status, stderr } = await runWith(
      { WAYBILL_CONFIG: "/dev/null" },
      "inspect",
      "--raw",
      `${server.host}/team/app:v1`,
    );
    expect(status).toBe(0);
    expect(stderr).toBe(`waiting 1.0 s for ${server.host}, as it asks (status 429)\n`);
  });

  it("is shown on the line of the bar", async () => {
    let shown = "";
    const canvas = { isTTY: true, columns: 200, write: (text: string) => (shown += text) };
    const terminal = createTerminal({ stdout: canvas, stderr: canvas, env: {} }, {});
    const progress = await openProgress(terminal);
    progress.begin("Promoting", 10);
    progress.waiting("waiting 7.0 s for registry.test, as it asks (status 429)", 7000);
    await vi.waitFor(() => expect(shown).toContain("0/10  waiting 7.0 s for registry.test"), 5000);
    progress.end();
  });
});
