import { type Expansion, parseExpansion } from "./expansion.ts";

/** A part of a text with references to substitutions. */
export type Piece =
  | { readonly kind: "text"; readonly text: string }
  /** `$KEY`, `${KEY}`, and with dynamic substitutions `${KEY…}`. */
  | {
      readonly kind: "reference";
      readonly key: string;
      readonly dollar: number;
      readonly expansion?: Expansion;
    }
  /** `${KEY…}`, where it stays as it is: without dynamic substitutions, or as it is not understood. */
  | { readonly kind: "leftover"; readonly key: string; readonly dollar: number; readonly text: string };

const reference = /\$(?:(\$)|([A-Z_][A-Z0-9_]*)|\{([A-Z_][A-Z0-9_]*)(\}?))/g;

/**
 * Takes a text apart, from left to right and as far as a key goes, as Google's tools do: `$$` is a dollar sign, and
 * whatever else follows one is no reference (`$(date)`, `$1`, `$lower`). `dollar` counts the dollar signs before.
 * @param dynamic whether `${KEY…}` is a parameter expansion.
 */
export function takeApart(template: string, dynamic: boolean): readonly Piece[] {
  const pieces: Piece[] = [];
  let done = 0;
  let dollars = 0;
  let counted = 0;
  const closing = dynamic ? closingBraces(template) : undefined;
  const put = (from: number, to: number, piece: Piece): void => {
    if (from > done) pieces.push({ kind: "text", text: template.slice(done, from) });
    pieces.push(piece);
    done = to;
  };
  reference.lastIndex = 0;
  for (let match = reference.exec(template); match !== null; match = reference.exec(template)) {
    const { index } = match;
    for (; counted < index; counted += 1) if (template[counted] === "$") dollars += 1;
    const [whole, escaped, bare, braced, brace] = match;
    const key = bare ?? braced;
    const end = index + whole.length;
    if (escaped !== undefined || key === undefined) put(index, end, { kind: "text", text: "$" });
    else if (brace !== "") put(index, end, { kind: "reference", key, dollar: dollars });
    else {
      const close = closing?.get(index);
      const expansion = close === undefined ? undefined : parseExpansion(template.slice(end, close));
      if (close !== undefined && expansion !== undefined) {
        put(index, close + 1, { kind: "reference", key, dollar: dollars, expansion });
      } else put(index, index + 2, { kind: "leftover", key, dollar: dollars, text: "${" });
      reference.lastIndex = done;
    }
  }
  if (done < template.length) pieces.push({ kind: "text", text: template.slice(done) });
  return pieces;
}

/** The brace that closes each `${`, both by their offsets, found in one pass. */
function closingBraces(template: string): ReadonlyMap<number, number> {
  const closing = new Map<number, number>();
  const open: number[] = [];
  for (let at = 0; at < template.length; at += 1) {
    const sign = template[at];
    const next = template[at + 1];
    if (sign === "$" && next === "{") {
      open.push(at);
      at += 1;
    } else if ((sign === "$" && next === "$") || (sign === "\\" && open.length > 0)) at += 1;
    else if (sign === "}") {
      const opened = open.pop();
      if (opened !== undefined) closing.set(opened, at);
    }
  }
  return closing;
}
