import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { executable } from "../support/built.ts";
import { type Running, run, start } from "../support/child.ts";
import { createRepository, gitEnvironment } from "../support/git.ts";
import { hasProgram } from "../support/programs.ts";
import { temporaryFolder, writeFiles } from "../support/tree.ts";
import { blocksOf, pages } from "./pages.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: Running;
let address: string;
let token: string;
let environment: NodeJS.ProcessEnv;

/** A server on a laptop, with the jobs that pages speak of, one of which has run. */
beforeAll(async () => {
  folder = await temporaryFolder("served");
  const bin = join(folder.path, "bin");
  const program = `#!/bin/sh\nexec '${process.execPath}' '${executable("waybill")}' "$@"\n`;
  await mkdir(bin);
  await writeFile(join(bin, "waybill"), program, { mode: 0o755 });
  // What is answered with a failure is one.
  const curl = `#!/bin/sh\nPATH='${process.env.PATH}' exec curl --fail-with-body -sS "$@"\n`;
  await writeFile(join(bin, "curl"), curl, { mode: 0o755 });
  const repository = await createRepository(join(folder.path, "manifests"));
  await repository.commit("nothing yet");
  const job = (name: string) =>
    `name: ${name}\nrepo: file://${repository.path}\nref: main\ntriggers: {}\nverify: { manifests: . }\n`;
  await writeFiles(folder.path, {
    "jobs/a.yaml": job("promote"),
    "jobs/b.yaml": job("post-etcd-promo"),
    "waybill.yaml": "serve:\n  notifications: { receivers: {}, rules: {} }\n",
  });
  token = join(folder.path, ".local/share/waybill/admin-token");
  environment = {
    ...gitEnvironment,
    PATH: `${bin}:${process.env.PATH}`,
    HOME: folder.path,
    WAYBILL_CONFIG: join(folder.path, "waybill.yaml"),
    WAYBILL_TOKEN_FILE: token,
  };
  const words = ["serve", "--listen", "127.0.0.1:0", "--jobs", join(folder.path, "jobs")];
  server = await start(process.execPath, [executable("waybill"), ...words], environment);
  address = server.firstLine.replace(/^.* /, "");
  // A branch is known once its repository was looked at.
  const ask = `until waybill jobs run promote --server '${address}' 2>/dev/null; do :; done`;
  const asked = await shell(`${ask}; waybill runs log promote --follow --server '${address}'`);
  expect(asked).toEqual({ code: 0, said: expect.any(String) });
}, 180_000);

afterAll(async () => {
  await server?.kill();
  await folder?.remove();
});

async function shell(text: string): Promise<{ readonly code: number | null; readonly said: string }> {
  const script = `cd '${folder.path}'\nWAYBILL_TOKEN=$(cat '${token}')\n${text}`;
  const { code, stdout, stderr } = await run("bash", ["-euc", script], environment);
  return { code, said: stdout + stderr };
}

/** A block as it is for this server: addresses and paths are other ones. */
function here(text: string): string {
  return text
    .replaceAll(/^export WAYBILL_TOKEN=.*\n/gm, "")
    .replaceAll(/https:\/\/waybill\.example\.(?:org|com)|http:\/\/127\.0\.0\.1:8080/g, address)
    .replaceAll(/\/(?:etc\/waybill\/backup-token|var\/lib\/waybill\/admin-token)/g, token)
    .replaceAll("/srv/new", join(folder.path, "new"));
}

const shown = pages.flatMap((page) =>
  blocksOf(page)
    .filter(({ isServed }) => isServed)
    .map(({ line, text }) => ({ place: `${page}:${line}`, text })),
);

it.skipIf(!hasProgram("curl")).each(shown)("$place goes well", { timeout: 120_000 }, async ({ text }) => {
  const { code, said } = await shell(here(text));
  expect(code, `${here(text)}\n${said}`).toBe(0);
});

it("are found", () => {
  expect(shown.length).toBeGreaterThan(6);
});
