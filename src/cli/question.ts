import type { Writable } from "node:stream";
import { Interrupted } from "./interruption.ts";

/** Asks somebody who sits at this process's terminal, where the answer shows as it is typed. @throws {Interrupted} */
export async function ask(message: string): Promise<string> {
  const { isCancel, text } = await import("@clack/prompts");
  const answer = await text({ message, ...terminal() });
  if (isCancel(answer)) throw givenUp();
  return answer ?? "";
}

/** Asks for a yes or a no; what comes of Return alone is yes. @throws {Interrupted} */
export async function askWhether(message: string): Promise<boolean> {
  const { confirm, isCancel } = await import("@clack/prompts");
  const answer = await confirm({ message, ...terminal() });
  if (isCancel(answer)) throw givenUp();
  return answer;
}

/** {@link ask} for what nobody is to see. */
export async function askSecret(message: string): Promise<string> {
  const { isCancel, password } = await import("@clack/prompts");
  const answer = await password({ message, ...terminal() });
  if (isCancel(answer)) throw givenUp();
  return answer ?? "";
}

function terminal() {
  const { stderr } = process;
  // A pseudo-terminal without a size says that it has none: a letter would stand on each line.
  const isSized = stderr.columns > 0 && stderr.rows > 0;
  const output: Writable = isSized
    ? stderr
    : Object.create(stderr, { columns: { value: 80 }, rows: { value: 24 } });
  return { input: process.stdin, output };
}

function givenUp(): Interrupted {
  return new Interrupted("interrupted", "the question was not answered");
}
