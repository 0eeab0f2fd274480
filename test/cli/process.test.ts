import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { executable, start } from "../support/built.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "waybill-process-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Resolves when the process has printed the text on standard output. */
function printed({ child }: ReturnType<typeof start>, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let seen = "";
    child.stdout.on("data", (more: string) => {
      seen += more;
      if (seen.includes(text)) resolve(seen);
    });
    child.on("close", () => reject(new Error(`it ended after printing ${JSON.stringify(seen)}`)));
  });
}

describe("the executables", () => {
  it("print their version and nothing else", async () => {
    const outcomes = [
      start(executable("waybill"), ["--version"]),
      start(executable("waybill"), ["-V"]),
      start(executable("waybill"), ["--no-color", "--version"]),
    ].map(({ ended }) => ended);
    for (const outcome of await Promise.all(outcomes)) {
      expect(outcome).toMatchObject({
        status: 0,
        stderr: "",
        stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      });
    }
  });

  it("end with 1 for a wrong command line", async () => {
    expect(await start(executable("waybill"), ["nothing"]).ended).toMatchObject({
      status: 1,
      stdout: "",
    });
    expect(await start(executable("cip"), ["-nothing"]).ended).toMatchObject({
      status: 1,
      stdout: "",
    });
    expect(await start(executable("cip-mm"), []).ended).toMatchObject({
      status: 1,
      stderr: "error: must specify --staging_repo\n",
    });
  });

  it("do not mind a reader that has gone", async () => {
    const help = start(executable("waybill"), ["completion", "fish"]);
    help.child.stdout.destroy();
    expect(await help.ended).toMatchObject({ status: 0, stderr: "" });
  });
});

describe("registry serve", () => {
  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("serves until %s, and ends with 0", async (signal) => {
    const served = start(executable("waybill"), [
      ...["registry", "serve", "--listen", "0", "--dir", join(folder, signal), "--verbose"],
    ]);
    const [, url] = /(http:\S+)/.exec(await printed(served, "\n")) ?? [];
    expect((await fetch(`${url}/v2/`)).status).toBe(200);
    served.child.kill(signal);
    const { status, stderr } = await served.ended;
    expect(status).toBe(0);
    expect(stderr).toMatch(/^200 GET \/v2\/ [\d.]+ ms$/m);
  });

  it.each(["a second signal", "no grace"])("gives up what is under way at %s", async (when) => {
    const grace = when === "no grace" ? "0" : "30s";
    const served = start(executable("waybill"), [
      ...["registry", "serve", "--listen", "0", "--dir", join(folder, when), "--grace", grace],
    ]);
    const [, url = ""] = /(http:\S+)/.exec(await printed(served, "\n")) ?? [];
    // A whole blob in one request: without a digest the answer would come before the body, and nothing be under way.
    const digest = `sha256:${"a".repeat(64)}`;
    const upload = request(`${url}/v2/foo/blobs/uploads/?digest=${digest}`, { method: "POST" });
    upload.on("error", () => {});
    upload.setHeader("expect", "100-continue");
    await new Promise((resolve, reject) => {
      upload.once("continue", resolve).once("response", () => reject(new Error("answered before the body")));
      upload.write("a");
    });
    served.child.kill("SIGTERM");
    if (grace !== "0") {
      await new Promise<void>((resolve) => {
        served.child.stderr.on("data", (text: string) => text.includes("waiting") && resolve());
      });
      served.child.kill("SIGTERM");
    }
    expect(await served.ended).toMatchObject({ status: 130, signal: null });
  });

  it("says how to be reached as JSON", async () => {
    const served = start(executable("waybill"), [
      ...["registry", "serve", "--listen", "localhost:0", "--dir", join(folder, "json"), "--json"],
    ]);
    const { url } = JSON.parse(await printed(served, "}\n"));
    expect((await fetch(`${url}/v2/`)).status).toBe(200);
    served.child.kill("SIGTERM");
    expect(await served.ended).toMatchObject({ status: 0 });
  });

  it("explains a folder that cannot be used", async () => {
    const outcome = await start(executable("waybill"), [
      ...["registry", "serve", "--listen", "0", "--dir", executable("waybill")],
    ]).ended;
    expect(outcome).toMatchObject({ status: 1, stdout: "" });
    expect(outcome.stderr).toMatch(/^error: /);
    expect(outcome.stderr).not.toContain("defect");
  });

  it("wants a certificate and its key together", async () => {
    const line = ["registry", "serve", "--dir", folder, "--tls-cert", "cert.pem"];
    expect((await start(executable("waybill"), line).ended).stderr).toBe(
      "error: --tls-cert and --tls-key go together\n",
    );
  });
});
