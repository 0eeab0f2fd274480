import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { stripVTControlCharacters } from "node:util";

/** What the prompt of a shell has to be. */
export const prompt = "ready> ";

/** What came of a line that was typed, the key pressed, and then printed word by word. */
export interface Completed {
  /** Everything that the shell drew, without what steers a terminal. */
  readonly drawn: string;
  /** The same as the terminal got it. */
  readonly raw: string;
  /** The words of the line, as the shell would give them to the program. */
  readonly words: readonly string[];
}

/** A shell in a terminal of its own, at which somebody types. */
export class ShellInTerminal {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  #raw = "";
  #changed: () => void = () => {};
  #hasEnded = false;
  #lines = 0;

  /** @param command What starts the shell, whose prompt is {@link prompt}, in the words of `sh`. */
  constructor(command: string, cwd: string, env: NodeJS.ProcessEnv) {
    const line = `stty rows 200 cols 100; exec ${command}`;
    this.#child = spawn("script", ["-qfec", line, "/dev/null"], {
      cwd,
      env: { TERM: "xterm-256color", SHELL: "/bin/sh", LC_ALL: "C.UTF-8", ...env },
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#raw += text;
      this.#changed();
    });
    this.#child.on("close", () => {
      this.#hasEnded = true;
      this.#changed();
    });
  }

  /**
   * Types a line, presses Tab, waits for words that have to be drawn, and has the line printed instead of run.
   * @param awaited A shell that has a key to read does not draw: nothing more is typed before these are seen.
   */
  async complete(line: string, ...awaited: readonly string[]): Promise<Completed> {
    await this.#until((text) => text.includes(prompt));
    this.#raw = "";
    this.#child.stdin.write(`${line}\t`);
    await this.#until((text) => {
      const drawn = stripVTControlCharacters(text);
      return awaited.every((word) => drawn.includes(word));
    });
    const end = `end-${++this.#lines}`;
    const [toStart, toEnd] = ["\u0001", "\u0005"];
    this.#child.stdin.write(`${toEnd} ${end}${toStart}printf '[%s]\\n' \r`);
    await this.#until((text) => text.includes(`[${end}]`));
    const raw = this.#raw;
    this.#raw = raw.slice(raw.indexOf(`[${end}]`));
    const printed = raw.slice(raw.lastIndexOf("[waybill]"), raw.indexOf(`[${end}]`));
    const words = Array.from(printed.matchAll(/^\[(.*)\]\r$/gm), ([, word = ""]) => word);
    return { drawn: stripVTControlCharacters(raw), raw, words };
  }

  /** Takes the terminal away, as a window that is closed. */
  async close(): Promise<void> {
    const closed = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await closed;
  }

  async #until(isThere: (text: string) => boolean): Promise<void> {
    while (!isThere(this.#raw)) {
      if (this.#hasEnded) throw new Error(`the shell has ended: ${this.#raw}`);
      await new Promise<void>((done) => {
        this.#changed = done;
      });
    }
  }
}
