import { translateCip } from "./cip.ts";
import { translateCipMm } from "./cip-mm.ts";
import type { Help, Translation } from "./go-flags.ts";
import { translateImageBuilder } from "./image-builder.ts";
import { translateKpromo } from "./kpromo.ts";

/** Programs whose command lines run unchanged. */
export type Incumbent = "cip" | "cip-mm" | "image-builder" | "kpromo";

type Translate = (line: readonly string[], environment: NodeJS.ProcessEnv) => Translation | Help;

const translators: Readonly<Record<Incumbent, Translate>> = {
  cip: (line, environment) => translateCip(line, "cip", environment),
  "cip-mm": (line) => translateCipMm(line),
  "image-builder": (line) => translateImageBuilder(line),
  kpromo: translateKpromo,
};

/** A line of a program that Waybill stands in for, without the program's name. @throws {UsageError} */
export function translate(
  program: Incumbent,
  line: readonly string[],
  environment: NodeJS.ProcessEnv,
): Translation | Help {
  return translators[program](line, environment);
}
