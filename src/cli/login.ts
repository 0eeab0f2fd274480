import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { asJson, deliver } from "./output.ts";
import { ask, askSecret } from "./question.ts";
import { wayToRegistries } from "./registries.ts";
import type { Session } from "./session.ts";
import type { InputStream } from "./terminal.ts";
import { type Blank, how, type OptionsOf, verb } from "./verb.ts";

const hostArgument = "registry.example.com, localhost:5000, docker.io";

const defineLogin = (command: Blank) =>
  command
    .argument("<host>", hostArgument)
    .addOption(how.common("-u, --username <name>", "who logs in; asked for at a terminal"))
    .addOption(how.common("--password-stdin", "read the password or token from standard input"))
    .addOption(how.common("--dry-run", "try it at the registry, and keep nothing"));

type LoginFlags = OptionsOf<typeof defineLogin>;

export const login = verb({
  name: "login",
  summary: "log in to a registry",
  description:
    "try a login at a registry and keep it where Docker does: with the credential helper of config.json, or in that file",
  examples: [
    ["waybill login registry.example.com", "asks for name and password"],
    [
      "waybill login ghcr.io -u ann --password-stdin <token.txt",
      "for scripts: no secret on the command line",
    ],
  ],
  exits: {
    [exitCodes.asDesired]: "logged in",
    [exitCodes.nothingDone]: "refused, or it could not be kept; nothing was changed, unless it says so",
    [exitCodes.notAsDesired]: "kept, and another credential goes before it",
  },
  page: "by-hand.md",
  define: defineLogin,
  run: runLogin,
});

const defineLogout = (command: Blank) =>
  command
    .argument("<host>", hostArgument)
    .addOption(how.common("--dry-run", "say what would be forgotten, and forget nothing"));

export const logout = verb({
  name: "logout",
  summary: "forget the login to a registry",
  examples: [["waybill logout registry.example.com", "in the file, and in the credential helper"]],
  exits: {
    [exitCodes.asDesired]: "nothing is kept any more",
    [exitCodes.nothingDone]: "it could not be forgotten",
    [exitCodes.notAsDesired]: "forgotten, and a credential for the host still comes from elsewhere",
  },
  page: "by-hand.md",
  define: defineLogout,
  run: runLogout,
});

async function runLogin(session: Session, named: string, options: LoginFlags): Promise<ExitCode> {
  const { terminal } = session;
  const { loginAttempt, loginHost, logIn } = await import("../registry/index.ts");
  const dryRun = options.dryRun === true;
  const host = loginHost(named);
  const way = await wayToRegistries(session);
  const who = await whoLogsIn(session, host, options);
  const kept = await logIn({ host, ...who }, { ...way, attempt: loginAttempt(way), dryRun });
  const { keptIn, isTried, isPlain, hiddenBy } = kept;
  await deliver(session, {
    text: (shown) =>
      shown.print(
        dryRun
          ? `the login to ${host} would be kept in ${keptIn}`
          : `logged in to ${host}: kept in ${keptIn}`,
      ),
    json: () => asJson({ ...kept, dryRun }),
  });
  if (!isTried) {
    terminal.warn(
      `${host} lets everybody in at first: whether this login is right shows when something is asked for`,
    );
  }
  if (isPlain) {
    terminal.warn(
      `whoever can read ${keptIn} can read the password: a credential helper, named there as credsStore, keeps it safe`,
    );
  }
  if (hiddenBy === undefined) return exitCodes.asDesired;
  terminal.warn(`this login is not what is used: ${hiddenBy} goes before it`);
  return exitCodes.notAsDesired;
}

/** From the command line and standard input, or asked for where somebody sits. */
async function whoLogsIn(
  session: Session,
  host: string,
  { username, passwordStdin }: LoginFlags,
): Promise<{ readonly username: string; readonly password: string }> {
  if (passwordStdin) {
    if (username === undefined) throw new UsageError("--password-stdin needs --username");
    return { username, password: await passwordIn(session.stdin?.()) };
  }
  if (!session.isAttended()) {
    throw new UsageError(
      "nobody sits here who could be asked for a password",
      `give it to standard input: waybill login ${host} --username NAME --password-stdin <FILE`,
    );
  }
  return {
    username: username ?? (await ask(`User name for ${host}`)),
    password: await askSecret(`Password or token for ${host}`),
  };
}

/** Bytes of a password or token: those of cloud providers have some thousand. */
const maxPasswordBytes = 64 * 1024;

async function passwordIn(stdin: InputStream | undefined): Promise<string> {
  if (stdin === undefined || stdin.isTTY === true) {
    throw new UsageError("there is no password on standard input", "pipe it, or leave --password-stdin out");
  }
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of stdin) {
    const bytes = Buffer.from(piece);
    length += bytes.length;
    if (length > maxPasswordBytes)
      throw new UsageError("what is on standard input is too long for a password");
    pieces.push(bytes);
  }
  const password = Buffer.concat(pieces)
    .toString("utf8")
    .replace(/\r?\n$/, "");
  if (password === "") throw new UsageError("the password on standard input is empty");
  return password;
}

async function runLogout(
  session: Session,
  named: string,
  options: OptionsOf<typeof defineLogout>,
): Promise<ExitCode> {
  const dryRun = options.dryRun === true;
  const { logOut } = await import("../registry/index.ts");
  const settings = await session.settings();
  const forgotten = await logOut(named, { settings, environment: session.env, dryRun });
  const { host, from, remaining } = forgotten;
  await deliver(session, {
    text: (terminal) =>
      terminal.print(
        from.length === 0
          ? `there was no login to ${host}`
          : `${dryRun ? "would forget" : "forgot"} the login to ${host}: it was kept in ${from.join(" and ")}`,
      ),
    json: () => asJson({ ...forgotten, dryRun }),
  });
  if (remaining === undefined || dryRun) return exitCodes.asDesired;
  session.terminal.warn(`a credential for ${host} still comes from elsewhere: ${remaining}`);
  return exitCodes.notAsDesired;
}
