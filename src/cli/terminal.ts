import picocolors from "picocolors";

/** A stream that may be a terminal: standard output, standard error, or a test's. */
export interface OutputStream {
  write(text: string | Uint8Array): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** What a command may read, unless nobody has given it anything. */
export type InputStream = AsyncIterable<Uint8Array | string> & { readonly isTTY?: boolean };

/** Where a command runs; `process` is one. */
export interface Surroundings {
  /** Opens standard input, which most commands leave alone. */
  readonly stdin?: () => InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: NodeJS.ProcessEnv;
}

export interface TerminalOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly trace?: boolean;
  readonly color?: boolean;
}

type Colors = ReturnType<typeof picocolors.createColors>;

/** Results go to standard output; everything that is said about the work goes to standard error. */
export interface Terminal {
  readonly verbose: boolean;
  /** Whether the headers of requests are shown. */
  readonly trace: boolean;
  /** Colors for results; they do nothing where color is not wanted. */
  readonly colors: Colors;
  /** Whether standard error shows colors, those of other programs among them. */
  readonly hasColor: boolean;
  /** How wide the terminal is that results go to; `undefined` where they go somewhere else, and are whole. */
  readonly columns: number | undefined;
  /** The stream that progress may be drawn on: a terminal that nobody asked to be quiet. */
  readonly canvas: OutputStream | undefined;
  /** A result, with a line end. */
  print(text: string): void;
  /** A result exactly as it is. */
  write(text: string | Uint8Array): void;
  /** Something worth knowing while the work goes on. */
  note(text: string): void;
  /** Something that has to be said, even when quiet. */
  say(text: string): void;
  /** The same, marked as a warning. */
  warn(text: string): void;
  /** Said only when asked to be verbose. */
  detail(text: string): void;
}

/** Goes to the beginning of the line, and clears it (ECMA-48, sections 8.3.15 and 8.3.41). */
const clearedLine = "\r\u001b[K";

export function createTerminal({ stdout, stderr, env }: Surroundings, options: TerminalOptions): Terminal {
  const { quiet = false, verbose = false, trace = false } = options;
  const canvas = stderr.isTTY === true && !quiet && !verbose ? stderr : undefined;
  // A line must not begin behind a bar that is being drawn.
  const start = canvas === undefined ? "" : clearedLine;
  const say = (text: string): void => void stderr.write(`${start}${text}\n`);
  const warning = picocolors.createColors(wantsColor(stderr, env, options));
  return {
    verbose,
    trace,
    colors: picocolors.createColors(wantsColor(stdout, env, options)),
    hasColor: wantsColor(stderr, env, options),
    columns: stdout.isTTY === true ? stdout.columns : undefined,
    canvas,
    print: (text) => void stdout.write(`${text}\n`),
    write: (text) => void stdout.write(text),
    note: (text) => {
      if (!quiet) say(text);
    },
    say,
    warn: (text) => say(`${warning.yellow("warning:")} ${text}`),
    detail: (text) => {
      if (verbose) say(warning.dim(text));
    },
  };
}

/** The option first, then NO_COLOR and FORCE_COLOR as their conventions say, then what the stream is. */
export function wantsColor(
  stream: OutputStream,
  env: Surroundings["env"],
  { color, json }: TerminalOptions,
): boolean {
  if (color === false || json === true) return false;
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== "0";
  return stream.isTTY === true && env.TERM !== "dumb";
}
