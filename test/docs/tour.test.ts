import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect } from "vitest";
import { executable } from "../support/built.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";
import { blocksOf, commandsOf, root } from "./pages.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
const servers: ChildProcess[] = [];
beforeAll(async () => {
  folder = await temporaryFolder("tour");
});
afterAll(async () => {
  for (const server of servers) if (server.kill("SIGKILL")) await once(server, "close");
  await folder?.remove();
});

testWith("buildah", "git")("the tour is what happens when it is walked line by line", async () => {
  const place = await openClone();
  const ports = new Map([
    ["5000", await freePort()],
    ["5001", await freePort()],
  ]);
  // A port of as many digits, so that columns stay as wide as they are.
  const moved = (text: string): string =>
    text.replaceAll(/(?<=:)500[01]\b/g, (port) => ports.get(port) ?? port);
  const tour = commandsOfTour();
  expect(tour.length).toBeGreaterThan(10);
  for (const { line, output } of tour) {
    const shown = moved(output);
    const printed = line.endsWith(" &") ? await serve(place, moved(line)) : await walk(place, moved(line));
    expect(matches(printed, shown) ? shown : unlike(printed), line).toBe(shown);
    if (line.includes("start.mjs"))
      await rewrite(join(place.cwd, "tree/manifests/foo/promoter-manifest.yaml"), moved);
  }
});

/** The lines of the page, as far as they are not for the shell's own jobs. */
function commandsOfTour() {
  return blocksOf("docs/tour.md")
    .flatMap(commandsOf)
    .filter(({ line }) => !line.startsWith("kill "));
}

interface Place {
  /** Where the next line is run. */
  cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** A checkout as `npm ci && npm run demo` leaves it, and a path that has its command. */
async function openClone(): Promise<Place> {
  const clone = join(folder.path, "clone");
  const bin = join(folder.path, "bin");
  await Promise.all([mkdir(clone), mkdir(bin), mkdir(join(folder.path, "home"))]);
  const waybill = executable("waybill");
  await Promise.all([
    cp(join(root, "examples"), join(clone, "examples"), { recursive: true }),
    cp(join(root, "package.json"), join(clone, "package.json")),
    symlink(join(root, "node_modules"), join(clone, "node_modules")),
    symlink(dirname(dirname(waybill)), join(clone, "dist")),
    symlink(process.execPath, join(bin, "node")),
    writeFile(join(bin, "waybill"), `#!/bin/sh\nexec '${process.execPath}' '${waybill}' "$@"\n`, {
      mode: 0o755,
    }),
  ]);
  const { PATH = "", TMPDIR } = process.env;
  return { cwd: clone, env: { PATH: `${bin}:${PATH}`, HOME: join(folder.path, "home"), TMPDIR } };
}

/** Runs one line in a shell, and goes where it went; what both of its streams said, in their order. */
async function walk(place: Place, line: string): Promise<string> {
  const whereto = join(folder.path, "whereto");
  const script = `{ ${line}\n} 2>&1; status=$?; pwd >'${whereto}'; exit $status`;
  const child = spawn("bash", ["-c", script], { ...place, stdio: ["ignore", "pipe", "inherit"] });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  const [status] = await once(child, "close");
  expect(status, `${line}\n${printed}`).toBe(0);
  place.cwd = (await readFile(whereto, "utf8")).trimEnd();
  return printed;
}

/** Starts what a line leaves running; its first line says that it runs. */
async function serve(place: Place, line: string): Promise<string> {
  const child = spawn("bash", ["-c", `exec ${line.slice(0, -" &".length)}`], {
    ...place,
    stdio: ["ignore", "pipe", "inherit"],
  });
  servers.push(child);
  const [first] = await Promise.race([
    once(createInterface(child.stdout), "line"),
    once(child, "close").then(([status]) => [`${line} ended with ${status}`]),
  ]);
  return `${first}\n`;
}

/** Whether it is what is shown, where `…` stands for the rest of a word, or alone for any lines. */
function matches(printed: string, shown: string): boolean {
  const pattern = unlike(shown)
    .replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replaceAll(/^…\n/gm, "(?:.*\n)*?")
    .replaceAll("…", "\\S*");
  return new RegExp(`^${pattern}$`).test(unlike(printed));
}

/**
 * Without what is another one each time: the day, the run, the engine of this machine, a built image's digest, and how
 * many lists of a host were begun before the first had shown how it ends.
 */
function unlike(text: string): string {
  return text
    .replaceAll(/\bv\d{8}-/g, "vDAY-")
    .replaceAll(/\b\d{19}\b/g, "RUN")
    .replaceAll(/ with (docker|buildah|podman) [\d.]+$/gm, " with ENGINE")
    .replaceAll(/^\d+ requests \((.*?)\d+ list/gm, "N requests ($1N list")
    .replaceAll(/(?<=snoopdb:\S+@sha256:)[0-9a-f]+…?/g, "DIGEST");
}

async function rewrite(file: string, change: (text: string) => string): Promise<void> {
  await writeFile(file, change(await readFile(file, "utf8")));
}

/** A port of four digits that nobody listens at. No kernel gives such a one to whoever asks for any. */
async function freePort(): Promise<string> {
  for (;;) {
    const port = 2000 + Math.floor(Math.random() * 8000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (isFree) return String(port);
  }
}
