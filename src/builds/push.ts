import { type Copier, readGraph } from "../copy/index.ts";
import { messageOf } from "../errors/index.ts";
import { type Descriptor, type Digest, formatReference, parseRepository, type Tag } from "../oci/index.ts";
import { openLayout, type Repository } from "../registry/index.ts";
import type { ExportedImage } from "./engine.ts";
import { BuildError } from "./errors.ts";

export interface Pushed {
  readonly root: Descriptor;
  /** What the tag stood for before; in staging it may move. */
  readonly movedFrom?: Digest | undefined;
}

/** An image layout has no name; messages about its content show this one, and where it was going. */
const layoutName = parseRepository("localhost/engine");

/**
 * Pushes what an engine has exported, index and all: by Waybill's own client, which knows the user's credentials, checks
 * every byte, sends nothing that is there already, and tries again where that helps.
 * @param signal When it is given in time, the tag does not move.
 * @throws {BuildError} `push-failed`; the reason of the signal.
 */
export async function pushExported(
  copier: Copier,
  exported: ExportedImage,
  { to, tag }: { readonly to: Repository; readonly tag: Tag },
  signal: AbortSignal,
): Promise<Pushed> {
  const where = formatReference(to.name, tag);
  try {
    const from = openLayout(exported.folder, layoutName);
    const { digest } = exported.root;
    const [graph, before] = await Promise.all([readGraph(from.fetch, digest, where), to.resolve(tag)]);
    const root = graph.root.document;
    if (before?.digest === digest) return { root: root.descriptor };
    await Promise.all(
      copier.copyClosure({ graph, from, to: [{ repository: to, empty: before === undefined }] }),
    );
    signal.throwIfAborted();
    await copier.putRoot(root, to, [tag]);
    const { mediaType, size } = root.descriptor;
    return { root: { mediaType, digest, size }, movedFrom: before?.digest };
  } catch (cause) {
    signal.throwIfAborted();
    throw new BuildError("push-failed", `the image could not be pushed: ${messageOf(cause)}`, {
      where,
      hint: "the steps have succeeded: when the registry takes it, run the build again",
      cause,
    });
  }
}
