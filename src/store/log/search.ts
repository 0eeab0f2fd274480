import { RE2JS, RE2JSException } from "re2js";

/** What is looked for in the lines of a log. */
export interface LogSearch {
  readonly text: string;
  /** Whether the text is an expression, as {@link isLogExpression} has them. */
  readonly isExpression: boolean;
}

/** How a line is told to be one of those that are looked for. */
export interface LineTest {
  test(line: string): boolean;
  /** Characters that are looked through at a time. */
  readonly most: number;
  /** Characters that are looked through before others have their turn. */
  readonly atOnce: number;
}

/** Characters that a slow machine looks through in about a second; those of an expression times the instructions of its program. */
const most = { text: 64 * 1024 * 1024, expression: 8 * 1024 * 1024, steps: 128 * 1024 * 1024 };
/** Instructions of a program: each may have to be tried at each character, and nothing else is done while a line is looked at. */
const maxProgram = 1_000;
const turns = 32;

/** Whether a text is an expression of RE2, which takes linear time whatever it is, with a program of a size that is affordable. */
export function isLogExpression(text: string): boolean {
  try {
    return compiled(text).programSize() <= maxProgram;
  } catch (error) {
    if (error instanceof RE2JSException) return false;
    throw error;
  }
}

/** Case does not matter, in an expression as well. */
export function lineTest({ text, isExpression }: LogSearch): LineTest {
  if (isExpression) {
    const expression = compiled(text);
    const affordable = Math.min(most.expression, Math.floor(most.steps / expression.programSize()));
    return { test: (line) => expression.test(line), ...bounds(affordable) };
  }
  const wanted = text.toLowerCase();
  return { test: (line) => line.toLowerCase().includes(wanted), ...bounds(most.text) };
}

function compiled(text: string): RE2JS {
  return RE2JS.compile(text, RE2JS.CASE_INSENSITIVE);
}

function bounds(characters: number): Pick<LineTest, "most" | "atOnce"> {
  return { most: characters, atOnce: Math.ceil(characters / turns) };
}
