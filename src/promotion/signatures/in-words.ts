import type { EdgeOfKind } from "../report.ts";
import { type SignatureDetails, type SignedKind, signatureKind } from "./planned-signatures.ts";

/** Whether an edge is about something that is signed of an image. */
export function isAboutSignature<Edge extends EdgeOfKind>(edge: Edge): edge is Edge & SignatureDetails {
  return edge.kind === signatureKind;
}

/**
 * What is signed of one image in one place, in a line: `signature by release (bundle, legacy) · record · summary · 2 platforms`.
 * Who signs is said again where it is another one.
 */
export function signedInWords(
  things: readonly Pick<SignatureDetails, "what" | "layout" | "signer" | "platforms">[],
): string {
  const layouts = new Map<
    string,
    { readonly what: SignedKind; readonly signer: string; readonly in: string[] }
  >();
  for (const { what, signer, layout } of things) {
    const known = layouts.get(`${what} ${signer}`);
    if (known === undefined) layouts.set(`${what} ${signer}`, { what, signer, in: [layout] });
    else known.in.push(layout);
  }
  let last: string | undefined;
  const parts = [...layouts.values()].map(({ what, signer, in: all }) => {
    const by = signer === last ? "" : ` by ${signer}`;
    last = signer;
    return `${what}${by}${all.includes("legacy") ? ` (${all.join(", ")})` : ""}`;
  });
  const platforms = Math.max(0, ...things.map((each) => each.platforms));
  if (platforms > 0) parts.push(`${platforms} ${platforms === 1 ? "platform" : "platforms"}`);
  return parts.join(" · ");
}

/** That something is not signed as a rule asks for. */
export function notSigned({
  what,
  layout,
  signer,
}: Pick<SignatureDetails, "what" | "layout" | "signer">): string {
  return `not signed: no ${what} by ${signer}${layout === "legacy" ? " under cosign's tag" : ""}`;
}
