import { type Command, InvalidArgumentError, Option } from "commander";
import type { RegistryRequestEvent } from "../registry-server/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { addExamples } from "./help.ts";
import { interruptible } from "./interruption.ts";
import type { Act, Session } from "./session.ts";

interface ServeOptions {
  readonly dir: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly name: readonly string[];
  readonly htpasswd?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

export function defineRegistry(program: Command, act: Act): void {
  const registry = program.command("registry").description("the embedded registry");
  const serve = registry
    .command("serve")
    .description("serve a registry from a folder, until it is stopped")
    .addOption(new Option("--dir <dir>", "folder that holds the data").makeOptionMandatory())
    .addOption(
      new Option("--listen <address>", "host:port to listen on; port 0 takes a free one")
        .argParser(parseAddress)
        .default(parseAddress("127.0.0.1:5000"), "127.0.0.1:5000"),
    )
    .addOption(
      new Option("--name <host>", "another host name that clients call the registry by (repeatable)")
        .argParser((name: string, names: readonly string[]) => [...names, parseName(name)])
        .default([], "localhost, and the address it is reached at"),
    )
    .addOption(new Option("--htpasswd <file>", "let in only who is in this file (bcrypt entries)"))
    .addOption(new Option("--tls-cert <file>", "PEM file of the certificate chain"))
    .addOption(new Option("--tls-key <file>", "PEM file of its key"))
    .action(act(run));
  const examples = [
    ["waybill registry serve --dir data", "a registry at localhost:5000"],
    [
      "waybill registry serve --dir data --listen 0.0.0.0:5000 --htpasswd users",
      "for others, with passwords",
    ],
  ] as const;
  addExamples(registry, examples);
  addExamples(serve, examples);
}

async function run(session: Session, options: ServeOptions): Promise<ExitCode> {
  const { terminal } = session;
  const { dir, listen, name: names, htpasswd, tlsCert: cert, tlsKey: key } = options;
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("--tls-cert and --tls-key go together");
  }
  if (htpasswd === undefined && !/^(localhost|127\.[\d.]+|::1)$/.test(listen.host)) {
    terminal.warn(`without --htpasswd, everybody who reaches ${listen.host} may pull and push`);
  }
  const { startRegistryServer } = await import("../registry-server/index.ts");
  return interruptible(session, async ({ stop, cut }) => {
    const server = await startRegistryServer({
      dir,
      listen,
      names,
      ...(htpasswd === undefined ? {} : { htpasswd }),
      ...(cert === undefined || key === undefined ? {} : { tls: { cert, key } }),
      onRequest: (event) => {
        terminal.detail(formatRequest(event));
        if (event.failure !== undefined) terminal.warn(`${event.method} ${event.path}: ${event.failure}`);
      },
    });
    if (terminal.json) terminal.printJson({ url: server.url, address: server.address });
    else terminal.print(`serving ${dir} at ${server.url}`);
    await given(stop);
    const isClosed = await Promise.race([
      server.close(session.grace).then(() => true),
      given(cut).then(() => false),
    ]);
    return isClosed ? exitCodes.asDesired : exitCodes.interrupted;
  });
}

function given(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function formatRequest({ method, path, query, status, milliseconds }: RegistryRequestEvent): string {
  return `${status} ${method} ${path}${query === "" ? "" : `?${query}`} ${milliseconds.toFixed(1)} ms`;
}

/** `host:port`, `:port` or `port`; an IPv6 host stands in brackets. */
function parseAddress(text: string): ServeOptions["listen"] {
  const match = /^(?:(\[[^\]]+\]|[^:]*):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port > 65535) throw new InvalidArgumentError("it is host:port, as in 127.0.0.1:5000");
  const host = (match[1] ?? "").replace(/^\[|\]$/g, "");
  return { host: host === "" ? "127.0.0.1" : host, port };
}

function parseName(text: string): string {
  if (/^[a-z\d](?:[a-z\d.-]*[a-z\d])?$/i.test(text)) return text;
  throw new InvalidArgumentError("it is a host name without a port, as in registry.example.org");
}
