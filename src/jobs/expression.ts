import { RE2JS } from "re2js";

export type Search = (text: string) => boolean;

/** Characters of one expression; the longest that are known have fewer than 300. */
const maxExpressionLength = 4000;

/**
 * One search for several expressions in Go's syntax, in the time that it takes there. They are joined by `|`, as Prow
 * joins them: a flag such as `(?i)` at the start of one holds for those behind it.
 * @throws {ExpressionFault} with the number of the expression, where it is one of them.
 */
export function searchFor(expressions: readonly string[]): Search {
  const long = expressions.findIndex((one) => one.length > maxExpressionLength);
  if (long >= 0) throw new ExpressionFault(`it has more than ${maxExpressionLength} characters`, long);
  const reason = faultOf(expressions.join("|"));
  if (reason === undefined) {
    const compiled = RE2JS.compile(expressions.join("|"));
    return (text) => compiled.matcher(text).find();
  }
  const index = expressions.findIndex((one) => faultOf(one) !== undefined);
  throw new ExpressionFault(faultOf(expressions[index] ?? "") ?? reason, index < 0 ? undefined : index);
}

function faultOf(expression: string): string | undefined {
  try {
    RE2JS.compile(expression);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^error parsing regexp: /, "") : String(error);
  }
}

/** Why a text is no regular expression. */
export class ExpressionFault extends Error {
  override readonly name = "ExpressionFault";
  readonly index: number | undefined;

  constructor(message: string, index?: number) {
    super(message);
    this.index = index;
  }
}
