import { RE2JS, RE2JSException } from "re2js";

/** What is looked for in the lines of a log. */
export interface LogSearch {
  readonly text: string;
  /** Whether the text is an expression, as {@link isLogExpression} has them. */
  readonly isExpression: boolean;
}

/** How a line is told to be one of those that are looked for, and how many characters are looked through at a time. */
export interface LineTest {
  test(line: string): boolean;
  readonly most: number;
}

/** Characters that a slow machine looks through in about a second. */
const most = { text: 64 * 1024 * 1024, expression: 8 * 1024 * 1024 };

/** Whether a text is an expression of RE2, which takes linear time whatever it is. */
export function isLogExpression(text: string): boolean {
  try {
    RE2JS.compile(text);
    return true;
  } catch (error) {
    if (error instanceof RE2JSException) return false;
    throw error;
  }
}

/** Case does not matter, in an expression as well. */
export function lineTest({ text, isExpression }: LogSearch): LineTest {
  if (isExpression) {
    const expression = RE2JS.compile(text, RE2JS.CASE_INSENSITIVE);
    return { test: (line) => expression.test(line), most: most.expression };
  }
  const wanted = text.toLowerCase();
  return { test: (line) => line.toLowerCase().includes(wanted), most: most.text };
}
