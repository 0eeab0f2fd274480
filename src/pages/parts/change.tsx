import { countOf } from "./words.ts";

const signs = { added: "+", removed: "−", moved: "~", "source-changed": "~" } as const;

/** What became of a line of manifests, by a sign and a word. */
export type ChangeKind = keyof typeof signs;

const words: Readonly<Record<ChangeKind, string>> = {
  added: "added",
  removed: "removed",
  moved: "moved",
  "source-changed": "from elsewhere",
};

/** What became of something, by a sign and a word; with how many there are, where it is of many. */
export function Change({ of, count }: { readonly of: ChangeKind; readonly count?: number | undefined }) {
  return (
    <span class={`change ${of}`}>
      {[signs[of], ...(count === undefined ? [] : [countOf(count)]), words[of]].join(" ")}
    </span>
  );
}

/** A digest as people know it, whole where it is pointed at. */
export function Digest({ of }: { readonly of: string }) {
  return <code title={of}>{of.replace(/^sha256:/, "").slice(0, 12)}</code>;
}
