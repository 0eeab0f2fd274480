import type { ActionIo, ContainerRun } from "../engine.ts";
import { BuildError } from "../errors.ts";
import { isEngineVariable } from "../program.ts";
import { ask, type CommandLine, engineFailure, faultOfEngine, lastWords, show } from "./command-line.ts";

/** What a container is told from others by. */
export interface ContainerMark {
  readonly name: string;
  /** `waybill.build=…`, which all containers of a build bear. */
  readonly label: string;
}

const removalMilliseconds = 60_000;

/**
 * Runs a step in a container, as Cloud Build does: privileged, with the network of the host. So a step may do what the
 * engine may: on a docker whose daemon is root, everything. A build file is to be trusted like a script that is run as
 * that user. The container is gone when this ends, however it ends.
 *
 * It is created, started and asked for its exit code one after the other, because one `run` would not tell its own
 * failures from those of the step.
 * @param image The id of an image that is here.
 * @returns The exit code of the step.
 */
export async function runContainer(
  line: CommandLine,
  image: string,
  action: ContainerRun,
  mark: ContainerMark,
  io: ActionIo,
): Promise<number> {
  try {
    const { args, env } = createArguments(image, action, mark);
    const created = await show(line, args, { ...io, output: () => undefined }, { captureStdout: true, env });
    if (created.exitCode !== 0) {
      // Podman looks for the entrypoint only when it starts, docker says it here as well.
      if (isAbsentProgram(created.tail)) return refuse(created.tail, io);
      throw engineFailure(line, `could not make a container of ${action.image}`, created);
    }
    const started = await show(line, ["start", "--attach", mark.name], io);
    return await exitCodeOf(line, mark, started, io);
  } finally {
    await removeContainer(line, mark.name, io.signal.aborted);
  }
}

/** The words of `create`, and the secrets that the client reads from its own environment. */
function createArguments(image: string, action: ContainerRun, mark: ContainerMark) {
  const secret = new Set(action.secretEnv);
  const clash = action.secretEnv.find((name) => isEngineVariable(name));
  if (clash !== undefined) {
    const message = `a secret cannot be named ${clash}: the engine itself reads that variable`;
    throw new BuildError("engine-failed", message, {
      hint: "rename the variable in secretEnv and availableSecrets",
    });
  }
  const variables = Object.entries(action.env).map(([name, value]) =>
    secret.has(name) ? name : `${name}=${value}`,
  );
  const env = Object.fromEntries(Object.entries(action.env).filter(([name]) => secret.has(name)));
  const args = [
    ...["create", "--name", mark.name, "--label", mark.label],
    ...["--privileged", "--network", "host", "--workdir", action.dir],
    ...variables.flatMap((variable) => ["--env", variable]),
    ...Object.entries(action.mounts).flatMap(([target, source]) => ["--mount", bindMount(source, target)]),
    ...(action.entrypoint === undefined ? [] : ["--entrypoint", action.entrypoint]),
    ...["--", image, ...action.args],
  ];
  return { args, env };
}

/** The value of `--mount`, which is a line of CSV. */
function bindMount(source: string, target: string): string {
  const fields = ["type=bind", `source=${source}`, `target=${target}`];
  return fields.map((field) => (/[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(",");
}

async function exitCodeOf(
  line: CommandLine,
  { name }: ContainerMark,
  started: { readonly exitCode: number; readonly tail: string },
  io: ActionIo,
): Promise<number> {
  const format = "{{.State.Running}} {{.State.ExitCode}} {{.State.FinishedAt}}";
  const said = await ask(line, ["container", "inspect", "--format", format, name], io.signal);
  const [, running, code, finished] = /^(true|false) (\d+) (\S.*)$/.exec(said.stdout.trim()) ?? [];
  const exitCode = Number(code);
  const hasRun = finished !== undefined && !finished.startsWith("0001-01-01");
  if (running === "false" && (hasRun || exitCode !== 0)) return exitCode;
  if (isAbsentProgram(started.tail)) return 127;
  const fault = faultOfEngine(line.command, started.tail);
  if (fault !== undefined) throw fault;
  const reason = started.exitCode === 0 ? lastWords(said.tail) : lastWords(started.tail);
  throw new BuildError("engine-failed", `${line.command} could not run the container of the step: ${reason}`);
}

/** What a shell says by 127: the step's own fault. */
function isAbsentProgram(tail: string): boolean {
  return /executable file.*not found|no command specified|no command or entrypoint|stat .*: no such file/i.test(
    tail,
  );
}

function refuse(tail: string, io: ActionIo): number {
  io.output(Buffer.from(`${lastWords(tail)}\n`));
  return 127;
}

async function removeContainer(line: CommandLine, name: string, isInHaste: boolean): Promise<void> {
  // Not the signal of the action: it may be what brought us here.
  const signal = AbortSignal.timeout(removalMilliseconds);
  try {
    // Podman would wait for it to end by itself.
    if (isInHaste) await ask(line, ["kill", name], signal);
    await ask(line, ["rm", "--force", "--volumes", name], signal);
  } catch {
    // What is left of it is looked for again when the build is over.
  }
}

/** Removes every container that bears the label, with its volumes. Never throws. */
export async function removeContainers(line: CommandLine, label: string): Promise<void> {
  try {
    const signal = AbortSignal.timeout(removalMilliseconds);
    const said = await ask(line, ["ps", "--all", "--quiet", "--filter", `label=${label}`], signal);
    const ids = said.stdout.split(/\s+/).filter((id) => id !== "");
    if (ids.length > 0) await ask(line, ["rm", "--force", "--volumes", ...ids], signal);
  } catch {
    // Nothing more can be done about them.
  }
}
