import { spawn } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import type { DemoOutcome, DemoServer, DemoStep } from "../demo/index.ts";
import { removeTree } from "../disk/index.ts";
import { given } from "./address.ts";
import { emptyFolder, printStep } from "./demo-steps.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { type Interruption, interruptible } from "./interruption.ts";
import { asJson, deliver } from "./output.ts";
import type { Session } from "./session.ts";

/** Tells the story of a server, and lets it run until it is stopped. What it wrote is removed then, unless it was to go to a folder. */
export async function demoServe(
  session: Session,
  { dir, open }: { readonly dir?: string | undefined; readonly open?: boolean | undefined },
): Promise<ExitCode> {
  const folder = dir === undefined ? await mkdtemp(join(tmpdir(), "waybill-demo-")) : await emptyFolder(dir);
  try {
    return await interruptible(session, (interruption) => tell(session, folder, open === true, interruption));
  } finally {
    if (dir === undefined) await removeTree(folder);
  }
}

async function tell(
  session: Session,
  folder: string,
  isToBeOpened: boolean,
  { stop }: Interruption,
): Promise<ExitCode> {
  const { tellStory } = await import("../demo/index.ts");
  const { terminal, outputs } = session;
  const steps: DemoStep[] = [];
  const story = await tellStory({
    folder,
    signal: stop,
    run: (argv, environment) => runLine(session, argv, environment),
    serve: (settings, environment) => startFor(session, settings, environment),
    onStep: (step) => {
      steps.push(step);
      if (outputs.printed === "text") printStep(terminal, steps.length, step);
      if (isToBeOpened && step.isEntry === true && step.link !== undefined) openBrowser(step.link);
    },
  });
  try {
    await deliver(session, {
      text: (shown) => {
        shown.print(`The server goes on at ${story.url} until you press Ctrl-C. From another terminal:`);
        for (const line of story.byHand) shown.print(shown.colors.cyan(`   $ ${line}`));
      },
      json: () =>
        asJson({ format: "waybill-demo/1", folder, succeeded: story.succeeded, steps, url: story.url }),
    });
    await given(stop);
    return story.succeeded ? exitCodes.asDesired : exitCodes.notAsDesired;
  } finally {
    await story.close();
  }
}

/** A server by the settings of a file, as somebody would start it who has nothing else. */
async function startFor(
  session: Session,
  file: string,
  environment: Readonly<Record<string, string>>,
): Promise<DemoServer> {
  const { readSettings } = await import("../settings/index.ts");
  const { settleOptions, startServer, textLog } = await import("../serve/index.ts");
  const said = textLog((line) => session.terminal.detail(line.trimEnd()));
  const {
    url,
    adminTokenFile = "",
    stop,
  } = await startServer(
    await settleOptions({
      version: packageJson.version,
      settings: await readSettings(file),
      ...{ environment, grace: 5_000, usualData: "data" },
      log: said,
    }),
  );
  return { url, tokenFile: adminTokenFile, stop };
}

async function runLine(
  { run }: Session,
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<DemoOutcome> {
  const written: string[] = [];
  const stream = { write: (text: string | Uint8Array) => written.push(Buffer.from(text).toString()) };
  const status = await run(argv, { stdout: stream, stderr: stream, env });
  const text = written.join("").trimEnd();
  return { status, output: text === "" ? [] : text.split("\n") };
}

const openers: Readonly<Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>>> = {
  darwin: ["open"],
  win32: ["cmd", "/c", "start", ""],
};

/** Has a browser show a page; whoever has none has the link. */
function openBrowser(link: string): void {
  const [command, ...words] = openers[process.platform] ?? ["xdg-open"];
  const opener = spawn(command, [...words, link], { stdio: "ignore", detached: true });
  opener.on("error", () => undefined);
  opener.unref();
}
