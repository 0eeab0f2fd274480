import { InvalidArgumentError } from "@commander-js/extra-typings";
import packageJson from "../../package.json" with { type: "json" };
import { harmless } from "../errors/index.ts";
import type { Log, ServeOptions, ServerRole } from "../serve/index.ts";
import { given, parseAddress } from "./address.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { interruptible } from "./interruption.ts";
import { asJson, deliver } from "./output.ts";
import { dataFolder, withDataFolder } from "./recorded.ts";
import { serveBackup, serveRestore } from "./serve-backup.ts";
import type { Session } from "./session.ts";
import { formatTable } from "./table.ts";
import { type Blank, how, type OptionsOf, verb, wholeNumber } from "./verb.ts";

const define = (command: Blank) =>
  withDataFolder(command)
    .addOption(how.common("--jobs <dir>", "folder of job files; ./jobs when nobody says it"))
    .addOption(
      how
        .common("--listen <address>", "host:port to listen at; 127.0.0.1:8080 by default")
        .argParser(parseAddress),
    )
    .addOption(how.common("--database <url>", "a PostgreSQL server, in place of the embedded database"))
    .addOption(
      how("--role <roles>", "what this process does, separated by commas; all by default")
        .choices(knownRoles)
        .argParser(parseRoles),
    )
    .addOption(how.common("--check", "say what is wrong with all that it needs, and begin nothing"))
    .addOption(how("--public-url <url>", "the address that people know it by").argParser(parsePublicUrl))
    .addOption(
      how("--concurrency <number>", "runs that this process carries out at the same time").argParser(
        wholeNumber,
      ),
    );

export const serveVerb = verb({
  name: "serve",
  summary: "build, review and promote by itself, as jobs say",
  description: "watch repositories and registries, and carry out what jobs say, until it is stopped",
  examples: [
    ["waybill serve", "on a laptop: the jobs of ./jobs, data in your folder for it"],
    ["waybill serve --database postgres://waybill@db/waybill --role worker", "one of several processes"],
  ],
  exits: {
    [exitCodes.asDesired]: "stopped by a signal, when all was handed over",
    [exitCodes.nothingDone]: "it could not begin, or could not go on",
    [exitCodes.notAsDesired]: "with --check: something is wrong",
  },
  page: "serve.md",
  below: [serveBackup, serveRestore],
  define,
  run,
});

function parsePublicUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isOrigin = url !== undefined && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
  if (isOrigin) return url.origin;
  throw new InvalidArgumentError("it is a scheme and a host, as in https://waybill.example.org");
}

const knownRoles: readonly ServerRole[] = ["web", "scheduler", "worker"];

function parseRoles(text: string): readonly ServerRole[] {
  return text.split(",").map((word) => {
    const role = knownRoles.find((each) => each === word.trim());
    if (role !== undefined) return role;
    throw new InvalidArgumentError(`roles are ${knownRoles.join(", ")}`);
  });
}

/** Of the time that the process has to stop, what it needs itself when its runs have ended what they had begun. */
const marginMilliseconds = 5_000;

async function run(session: Session, options: OptionsOf<typeof define>): Promise<ExitCode> {
  const { settleOptions, startServer } = await import("../serve/index.ts");
  const { terminal, grace } = session;
  const settled = await settleOptions({
    version: packageJson.version,
    settings: await session.settings(),
    environment: session.env,
    // What is under way is to be over before this process has to be.
    grace: Math.max(0, grace - marginMilliseconds),
    usualData: await dataFolder(session, undefined),
    data: options.dataDir,
    database: options.database,
    roles: options.role,
    listen: options.listen,
    publicUrl: options.publicUrl,
    jobs: options.jobs,
    concurrency: options.concurrency,
    log: await logOf(session),
  });
  if (options.check) return check(session, settled);
  return interruptible(session, async ({ stop, cut }) => {
    const server = await startServer(settled);
    const { url, address, adminTokenFile } = server;
    await deliver(session, {
      text: (shown) => {
        if (!settled.roles.has("web")) {
          shown.print(`serving /healthz, /readyz and /metrics at http://${address}`);
          return;
        }
        shown.print(`serving at ${url}`);
        if (adminTokenFile !== undefined) {
          const token = /^[\w./-]+$/.test(adminTokenFile) ? adminTokenFile : `'${adminTokenFile}'`;
          shown.print(`the token of an admin: ${adminTokenFile}`);
          shown.print(`what runs: WAYBILL_TOKEN_FILE=${token} waybill runs --server ${url}`);
        }
      },
      json: () => asJson({ url, address, adminTokenFile }),
    });
    try {
      await Promise.race([given(stop), server.failed]);
    } catch (error) {
      await server.stop();
      throw error;
    }
    const isStopped = await Promise.race([server.stop().then(() => true), given(cut).then(() => false)]);
    if (isStopped) return exitCodes.asDesired;
    terminal.warn("not all was handed over in time: others take it up when its lease has run out");
    return exitCodes.interrupted;
  });
}

async function check(session: Session, options: ServeOptions): Promise<ExitCode> {
  const { checkServer } = await import("../serve/index.ts");
  const checks = await checkServer(options);
  await deliver(session, {
    text: (terminal) => {
      const rows = checks.map(({ what, where, state, message }) => [state, what, where, message]);
      terminal.print(formatTable(["STATE", "WHAT", "WHERE", "WHAT IS FOUND"], rows, terminal.columns));
      const hints = new Map<string, string[]>();
      for (const { what, where, state, hint } of checks) {
        if (state === "fine" || hint === undefined) continue;
        hints.set(hint, [...(hints.get(hint) ?? []), `${what} ${where}`]);
      }
      if (hints.size > 0) terminal.print("");
      for (const [hint, about] of hints) terminal.print(harmless(`${about.join(", ")}: ${hint}`));
    },
    json: () => asJson({ format: "waybill-serve-check/1", checks }),
  });
  return checks.some(({ state }) => state === "problem") ? exitCodes.notAsDesired : exitCodes.asDesired;
}

/** For people at a terminal, and for programs everywhere else. */
async function logOf({ terminal, isAttended }: Session): Promise<Log> {
  const { jsonLog, textLog } = await import("../serve/index.ts");
  return terminal.canvas !== undefined || isAttended()
    ? textLog((line) => terminal.say(line.trimEnd()))
    : jsonLog((line) => terminal.say(line.trimEnd()));
}
