import { harmless } from "../../errors/index.ts";
import { BuildError } from "../errors.ts";

/** A step's image that could not be had, with what the engine said last. */
export function imageUnavailable(image: string, said: string): BuildError {
  return new BuildError("step-image-unavailable", `the image of the step cannot be had: ${lastWords(said)}`, {
    where: image,
    hint: "is its name right, and may you pull it? An image of an earlier step has that step's name for it",
  });
}

/** A command of an engine that failed, which no step asked for. */
export function engineFailure(engine: string, command: string, said: string): BuildError {
  if (/no space left on device/i.test(said)) return diskFull(engine);
  return new BuildError("engine-failed", `${engine} ${command} failed: ${lastWords(said)}`);
}

/** The disk of the engine is full. */
export function diskFull(engine: string): BuildError {
  return new BuildError("disk-full", `${engine} has no space left for the build`, {
    hint: "make room, or name another folder for temporary files in TMPDIR",
  });
}

/** The last line of what a program said, on one line and without what steers a terminal. */
function lastWords(said: string): string {
  const lines = said.split("\n").filter((line) => line.trim() !== "");
  return harmless(lines.at(-1)?.trim().slice(0, 500) ?? "it did not say why");
}
