import { z } from "zod";
import type { ContainerRun } from "../engine.ts";

/** What an image runs by itself (OCI image specification, config.md). */
export interface ImageCommand {
  readonly Entrypoint?: readonly string[] | null | undefined;
  readonly Cmd?: readonly string[] | null | undefined;
}

const words = z.array(z.string()).nullish();

/** What `buildah inspect` says of a container, as far as anybody here asks. */
export const imageCommandSchema = z.object({
  FromImageDigest: z.string().nullish(),
  OCIv1: z.object({ config: z.object({ Entrypoint: words, Cmd: words }).nullish() }).nullish(),
});

/**
 * The command line of a step: the step's arguments go to its entrypoint, else to that of the image; where there is none, the
 * first argument is the command. Without arguments, an image's own are taken, unless the step has an entrypoint.
 */
export function containerCommand(
  { entrypoint, args }: Pick<ContainerRun, "entrypoint" | "args">,
  image: ImageCommand,
): readonly string[] {
  if (entrypoint !== undefined) return [entrypoint, ...args];
  return [...(image.Entrypoint ?? []), ...(args.length > 0 ? args : (image.Cmd ?? []))];
}
