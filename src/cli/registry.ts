import { InvalidArgumentError } from "@commander-js/extra-typings";
import type { RegistryRequestEvent } from "../registry-server/index.ts";
import { given, parseAddress } from "./address.ts";
import { amount } from "./amount.ts";
import { parseDuration } from "./duration.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { interruptible } from "./interruption.ts";
import { login, logout } from "./login.ts";
import { asJson, deliver } from "./output.ts";
import { formatBytes } from "./progress-tally.ts";
import type { Session } from "./session.ts";
import { snapshot } from "./snapshot.ts";
import { type Blank, family, how, type OptionsOf, verb } from "./verb.ts";

const defineServe = (command: Blank) =>
  command
    .addOption(
      how
        .common("--dir <dir>", "folder that holds the data; oci:DIR shows image layouts")
        .makeOptionMandatory(),
    )
    .addOption(
      how
        .common("--listen <address>", "host:port to listen on; port 0 takes a free one")
        .argParser(parseAddress)
        .default(parseAddress("127.0.0.1:5000"), "127.0.0.1:5000"),
    )
    .addOption(
      how("--name <host>", "another host name that clients call the registry by; repeatable")
        .argParser((name: string, names: readonly string[]) => [...names, parseName(name)])
        .default([], "localhost, and the address it is reached at"),
    )
    .addOption(
      how.common("--max-size <size>", "how much the folder may hold, such as 50GiB").argParser(parseSize),
    )
    .addOption(how.common("--htpasswd <file>", "let in only who is in this file (bcrypt entries)"))
    .addOption(how("--tls-cert <file>", "PEM file of the certificate chain"))
    .addOption(how("--tls-key <file>", "PEM file of its key"))
    .addOption(how("--dry-run", "say what would be served where, and serve nothing"));

const serve = verb({
  name: "serve",
  summary: "serve a registry from a folder, until it is stopped",
  examples: [
    ["waybill registry serve --dir data", "a registry at localhost:5000"],
    [
      "waybill registry serve --dir data --listen 0.0.0.0:5000 --htpasswd users",
      "for others, with passwords",
    ],
    ["waybill registry serve --dir oci:/mnt/usb/foo", "the image layouts of a folder, to pull from"],
  ],
  exits: {
    [exitCodes.asDesired]: "stopped by a signal, when all was answered",
    [exitCodes.nothingDone]: "it could not begin",
  },
  page: "registry.md",
  define: defineServe,
  run: runServer,
});

const defineCollection = (command: Blank) =>
  command
    .argument("<dir>", "folder that holds the data")
    .addOption(how.common("--dry-run", "show what would go, and take nothing away").default(false))
    .addOption(how.common("--untagged", "manifests that no tag leads to go too").default(false))
    .addOption(
      how.common(
        "--min-age <duration>",
        "leave what came later: a push may be about to refer to it (1h while a server is running)",
      ),
    );

const collection = verb({
  name: "gc",
  summary: "give back the room of what no image needs any more",
  description: "give back the room of what no image needs any more; servers may be running",
  examples: [
    ["waybill registry gc data --dry-run", "what would go, and how much room it takes"],
    ["waybill registry gc data --untagged", "also what deleted tags have left"],
  ],
  exits: {
    [exitCodes.asDesired]: "what could go is gone",
    [exitCodes.nothingDone]: "it could not begin",
    [exitCodes.notAsDesired]: "repositories that cannot be read, where nothing goes",
  },
  page: "registry.md",
  define: defineCollection,
  run: runCollection,
});

export const registry = family({
  name: "registry",
  summary: "the embedded registry; logins to any, and what it holds",
  examples: [...serve.examples, ...collection.examples, ...snapshot.examples],
  page: "registry.md",
  below: [serve, collection, snapshot, login, logout],
});

async function runServer(session: Session, options: OptionsOf<typeof defineServe>): Promise<ExitCode> {
  const { terminal } = session;
  const { dir, listen, name: names, maxSize, htpasswd, tlsCert: cert, tlsKey: key } = options;
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("--tls-cert and --tls-key go together");
  }
  if (htpasswd === undefined && !/^(localhost|127\.[\d.]+|::1)$/.test(listen.host)) {
    const what = dir.startsWith("oci:") ? "pull" : "pull and push";
    terminal.warn(`without --htpasswd, everybody who reaches ${listen.host} may ${what}`);
  }
  if (options.dryRun) {
    const address = `${listen.host}:${listen.port}`;
    await deliver(session, {
      text: (shown) => shown.print(`would serve ${dir} at ${address}`),
      json: () => asJson({ dir, address }),
    });
    return exitCodes.asDesired;
  }
  const { startRegistryServer } = await import("../registry-server/index.ts");
  return interruptible(session, async ({ stop, cut }) => {
    const server = await startRegistryServer({
      dir,
      listen,
      names,
      maxSize,
      htpasswd,
      ...(cert === undefined || key === undefined ? {} : { tls: { cert, key } }),
      onRequest: (event) => {
        terminal.detail(formatRequest(event));
        if (event.failure !== undefined) terminal.warn(`${event.method} ${event.path}: ${event.failure}`);
      },
    });
    const { url, address } = server;
    await deliver(session, {
      text: (shown) => shown.print(`serving ${dir} at ${url}`),
      json: () => asJson({ url, address }),
    });
    await given(stop);
    const isClosed = await Promise.race([
      server.close(session.grace).then(() => true),
      given(cut).then(() => false),
    ]);
    if (isClosed) return exitCodes.asDesired;
    await server.close(0);
    return exitCodes.interrupted;
  });
}

async function runCollection(
  session: Session,
  dir: string,
  { dryRun, untagged, minAge }: OptionsOf<typeof defineCollection>,
): Promise<ExitCode> {
  const { collectGarbage } = await import("../registry-server/index.ts");
  const collected = await collectGarbage({
    ...{ dir, dryRun, untagged },
    ...(minAge === undefined ? {} : { minAgeMilliseconds: parseDuration(minAge, "--min-age") }),
  });
  const { manifests, blobs, bytes, young, unread } = collected;
  await deliver(session, {
    text: (terminal) => {
      const what = `${amount(manifests, "manifest")} and ${amount(blobs, "blob")}`;
      terminal.print(`${what}, ${formatBytes(bytes)}: ${dryRun ? "would go" : "gone"}`);
      if (young === 0) return;
      const minutes = Math.round(collected.minAgeMilliseconds / 60_000);
      const hint = "a push may be about to refer to them; --min-age 0 takes them too";
      terminal.print(
        `${young} more came, or were asked for, in the last ${amount(minutes, "minute")}: kept, for ${hint}`,
      );
    },
    json: () => asJson(collected),
  });
  for (const { repository, reason } of unread) {
    session.terminal.warn(
      `${repository}: nothing is taken away there, because it cannot all be read: ${reason}`,
    );
  }
  return unread.length === 0 ? exitCodes.asDesired : exitCodes.notAsDesired;
}

function formatRequest({ method, path, query, status, milliseconds }: RegistryRequestEvent): string {
  return `${status} ${method} ${path}${query === "" ? "" : `?${query}`} ${milliseconds.toFixed(1)} ms`;
}

/** Bytes of a size such as `500MB`, `50GiB` or `1048576`. */
function parseSize(text: string): number {
  const [, count, letter = "", binary] = /^(\d{1,12})(?:([kmgt])(i?)b?|b)?$/i.exec(text) ?? [];
  const power = ["", "k", "m", "g", "t"].indexOf(letter.toLowerCase());
  const bytes = Number(count) * (binary === "i" || binary === "I" ? 1024 : 1000) ** power;
  if (count !== undefined && Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new InvalidArgumentError("it is a number of bytes, as in 50GiB, 500MB or 1048576");
}

function parseName(text: string): string {
  if (/^[a-z\d](?:[a-z\d.-]*[a-z\d])?$/i.test(text)) return text;
  throw new InvalidArgumentError("it is a host name without a port, as in registry.example.org");
}
