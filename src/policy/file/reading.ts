import type { Findings } from "../../diagnostics/index.ts";
import type { ReadContext } from "../../schema/index.ts";
import type { policyCodes } from "./codes.ts";

/** Where a reader of a policy file is: what it finds may have any code of those. */
export interface PolicyReadContext extends Omit<ReadContext, "findings"> {
  readonly findings: Findings<keyof typeof policyCodes>;
}
