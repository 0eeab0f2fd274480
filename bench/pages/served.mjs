// The built `waybill serve` in a folder of its own, as pages of many rows are measured at.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

const program = resolve(import.meta.dirname, "../../dist/bin/waybill.js");
export const token = "0123456789abcdef0123456789abcdef";

/** A folder with settings and 200 jobs; `url` is that of an empty database of PostgreSQL, without which it is the embedded one. */
export function prepare(url) {
  const folder = mkdtempSync(join(tmpdir(), "waybill-bench-pages-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "jobs"));
  writeFileSync(join(folder, "token"), token);
  const jobs = Array.from({ length: 200 }, (_, at) =>
    [
      `- name: ${at === 0 ? "promote" : `job-${at}`}`,
      `  repo: https://github.com/example/job-${at}`,
      '  on: { branch: "^main$" }',
      "  promote: { manifests: . }",
      "",
    ].join("\n"),
  );
  writeFileSync(join(folder, "jobs/jobs.yaml"), `jobs:\n${jobs.join("")}`);
  writeFileSync(
    join(folder, "waybill.yaml"),
    `serve:
  data: data
  jobs: jobs
  listen: 127.0.0.1:0
  ${url === undefined ? "" : `database: ${url}`}
  access: { adminTokenFile: token }
`,
  );
  return folder;
}

/** Starts it with some of its roles. @returns Its address, its process, and what stops it. */
export async function start(folder, roles = "web") {
  const words = [program, "--config", join(folder, "waybill.yaml"), "serve", "--json", "--role", roles];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
  let printed = "";
  for await (const piece of child.stdout) {
    printed += piece;
    if (/\n\}\s*$|^\{.*\}\s*$/s.test(printed)) break;
  }
  const base = `http://${JSON.parse(printed).address}`;
  while (!(await fetch(`${base}/readyz`).then(({ ok }) => ok))) await wait(20);
  return {
    base,
    async stop() {
      const ended = new Promise((done) => child.once("exit", done));
      child.kill("SIGTERM");
      await ended;
    },
  };
}
