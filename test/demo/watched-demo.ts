import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** A step as `waybill demo --serve` prints it: its title, and the page that shows it. */
export interface WatchedStep {
  readonly number: number;
  readonly title: string;
  readonly link: string | undefined;
}

/** `waybill demo --serve`, as somebody watches it. */
export interface WatchedDemo {
  /** Steps as they come, until it has told its story. */
  readonly steps: AsyncIterable<WatchedStep>;
  /** What it prints when the story has been told: how to go on by hand. */
  readonly rest: readonly string[];
  /** Presses Ctrl-C. @returns Its exit status, and what it has said on standard error. */
  stop(): Promise<{ readonly status: number | null; readonly stderr: string }>;
}

/** Starts it. @param env It has no other variables. */
export function watchDemo(executable: string, argv: readonly string[], env: NodeJS.ProcessEnv): WatchedDemo {
  const child = spawn(process.execPath, [executable, "demo", "--serve", ...argv], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "close");
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const rest: string[] = [];
  async function* steps(): AsyncGenerator<WatchedStep> {
    let current: WatchedStep | undefined;
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
      const text = line.value;
      const begun = /^(\d+)\. (.+)$/.exec(text);
      const link = /^ {3}➜ (\S+)$/.exec(text)?.[1];
      if (begun !== null || text.startsWith("The server goes on")) {
        if (current !== undefined) yield current;
        current = undefined;
      }
      if (begun !== null) current = { number: Number(begun[1]), title: begun[2] ?? "", link: undefined };
      else if (link !== undefined && current !== undefined) {
        // It is the last line of a step, which may go on only when somebody has followed it.
        yield { ...current, link };
        current = undefined;
      } else if (text.startsWith("The server goes on")) {
        rest.push(text);
        return;
      }
    }
    throw new Error(`the demonstration has ended: ${stderr}`);
  }
  return {
    steps: steps(),
    rest,
    async stop() {
      child.kill("SIGINT");
      const [status] = (await ended) as [number | null];
      return { status, stderr };
    },
  };
}
