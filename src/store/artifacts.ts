import { isAbsolute, normalize, sep } from "node:path";
import { harmless } from "../errors/index.ts";
import { RunError } from "./errors.ts";

/** A path that stays below the artifacts. @throws {RunError} `run-unwritable`. */
export function checkedPath(path: string, artifacts: string): string {
  const plain = normalize(path);
  const isBelow = plain !== "." && plain !== ".." && !plain.startsWith(`..${sep}`) && !isAbsolute(plain);
  if (isBelow && !plain.includes("\0")) return plain;
  throw new RunError("run-unwritable", `${harmless(path)} does not lie below the artifacts of the run`, {
    where: artifacts,
  });
}
