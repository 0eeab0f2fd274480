import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { load } from "js-yaml";
import { expect, onTestFinished, test } from "vitest";
import { executable } from "../support/built.ts";
import { type Running, run, start } from "../support/child.ts";
import { gitEnvironment } from "../support/git.ts";
import { hasPostgres, startPostgres } from "../support/postgres.ts";
import { temporaryFolder } from "../support/tree.ts";

interface Service {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly healthcheck: { readonly test: readonly string[] };
}

interface Compose {
  readonly "x-waybill": Omit<Service, "command">;
  readonly services: Readonly<Record<"web" | "worker", Pick<Service, "command">>>;
}

const example = join(import.meta.dirname, "../../examples/compose");
const testWithPostgres = test.skipIf(!hasPostgres && process.env.CI !== "true");

testWithPostgres("the services of docker compose work together", { timeout: 180_000 }, async () => {
  const folder = await temporaryFolder("compose");
  onTestFinished(folder.remove);
  const postgres = await startPostgres();
  onTestFinished(postgres.remove);
  const compose = load(await readFile(join(example, "compose.yaml"), "utf8")) as Compose;
  // This parser leaves `<<` as it is.
  const services = {
    web: { ...compose["x-waybill"], ...compose.services.web },
    worker: { ...compose["x-waybill"], ...compose.services.worker },
  };

  // What compose mounts, in a folder of ours; a port that nobody else has; no job, because its repository is made up.
  const [secrets, data, jobs] = ["secrets", "data", "jobs"].map((name) => join(folder.path, name)) as [
    string,
    string,
    string,
  ];
  await Promise.all([secrets, data, jobs].map((path) => mkdir(path)));
  const token = "0123456789".repeat(4);
  await writeFile(join(secrets, "database-url"), postgres.url("postgres"));
  await writeFile(join(secrets, "admin-token"), `${token}\n`);
  const settings = (await readFile(join(example, "waybill.yaml"), "utf8"))
    .replaceAll("/run/secrets/", `${secrets}/`)
    .replace("data: /data", `data: ${data}`)
    .replace("jobs: /jobs", `jobs: ${jobs}`)
    .replace(/ +publicUrl: .*\n/, "");
  const file = join(folder.path, "waybill.yaml");
  await writeFile(file, settings);
  const launch = async ({ command, environment }: Service): Promise<Running> => {
    expect(environment.WAYBILL_CONFIG).toBe("/etc/waybill/waybill.yaml");
    const words = command.map((word) => word.replace("0.0.0.0:8080", "127.0.0.1:0"));
    const env = { ...gitEnvironment, HOME: folder.path, WAYBILL_CONFIG: file };
    const running = await start(process.execPath, [executable("waybill"), ...words], env);
    onTestFinished(running.kill);
    return running;
  };
  const addressOf = ({ firstLine }: Running): string => firstLine.replace(/^.* /, "");
  const isHealthy = async ({ healthcheck: { test: words } }: Service, url: string): Promise<boolean> => {
    const [how, program, ...rest] = words.map((word) => word.replace("http://127.0.0.1:8080", url));
    expect([how, program]).toEqual(["CMD", "node"]);
    return (await run(process.execPath, rest)).code === 0;
  };

  const web = await launch(services.web);
  const workers = await Promise.all([launch(services.worker), launch(services.worker)]);
  expect(await isHealthy(services.web, addressOf(web))).toBe(true);
  for (const worker of workers) expect(await isHealthy(services.worker, addressOf(worker))).toBe(true);
  const headers = { authorization: `Bearer ${token}` };
  const queue = async () => (await fetch(`${addressOf(web)}/api/v1/queue`, { headers })).json();
  let seen = 0;
  while (seen < workers.length) seen = ((await queue()) as { workers: readonly unknown[] }).workers.length;
  expect(seen).toBe(2);

  for (const { process: child } of [web, ...workers]) {
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  }
  expect(await isHealthy(services.web, addressOf(web))).toBe(false);
});
