import type { Tag } from "../oci/index.ts";
import type { BuiltImage } from "./model.ts";

/** A push that somebody knows of: of an image, by the name that the build file or whoever pushed has for it. */
export interface KnownPush
  extends Pick<BuiltImage, "build" | "name" | "repository" | "digest" | "mediaType" | "size"> {
  readonly tag?: Tag | string | undefined;
  readonly by: BuiltImage["seenBy"][number];
}

/** What was pushed during a run, whoever knows it: each image of a repository once, with all that is known of it. */
export interface ImageLedger {
  add(push: KnownPush): void;
  /** In the order in which images were first heard of; of tags that moved meanwhile, where they stood last. */
  images(): readonly BuiltImage[];
}

/** A ledger in which nothing stands yet. */
export function createImageLedger(): ImageLedger {
  const entries = new Map<
    string,
    KnownPush & { readonly tags: Set<string>; readonly seenBy: Set<KnownPush["by"]> }
  >();
  const holders = new Map<string, string>();

  return {
    add(push) {
      const key = `${push.repository}@${push.digest}`;
      const known = entries.get(key);
      // What Waybill pushed itself it knows best: the variant, and how the build file names it.
      const isKnownBetter = known !== undefined && (push.by !== "waybill" || known.by === "waybill");
      const entry = {
        ...(isKnownBetter ? known : push),
        // A registry does not know which of several builds pushes; a step does.
        build: (isKnownBetter && known.build) || push.build,
        tags: known?.tags ?? new Set<string>(),
        seenBy: known?.seenBy ?? new Set(),
      };
      entry.seenBy.add(push.by);
      if (push.tag !== undefined) {
        const place = `${push.repository}:${push.tag}`;
        const holder = holders.get(place);
        if (holder !== undefined && holder !== key) entries.get(holder)?.tags.delete(push.tag);
        holders.set(place, key);
        entry.tags.add(push.tag);
      }
      entries.set(key, entry);
    },
    images: () =>
      [...entries.values()].map(({ by: _, tag: __, tags, seenBy, ...image }) => ({
        ...{ ...image, tags: [...tags], seenBy: [...seenBy] },
      })),
  };
}
