import type { Command } from "commander";
import { defineCheck } from "./check.ts";
import { defineCompletion } from "./completion.ts";
import { defineKpromo } from "./kpromo.ts";
import { defineRegistry } from "./registry.ts";
import type { Act } from "./session.ts";

/** Every command, in the order of the help. */
export const verbs: readonly ((program: Command, act: Act) => void)[] = [
  defineCheck,
  defineRegistry,
  defineKpromo,
  defineCompletion,
];
