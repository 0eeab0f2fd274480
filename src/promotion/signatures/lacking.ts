import type { Digest, RepositoryName } from "../../oci/index.ts";
import { promotionPredicate, summaryPredicate } from "../../signing/index.ts";
import { cosignSignature } from "../../sigstore/index.ts";
import { findSignedHere, type ImageSigning, type SignedHere } from "../../trust/index.ts";
import type { OpenRepository } from "../section.ts";
import { buildLevels, type WantedSummary } from "./judged.ts";
import type { PlannedSignature, PlannedSigning, SignedKind } from "./planned-signatures.ts";

/** What is looked for, or is to be signed. */
export type AskedSignature = Pick<PlannedSignature, "what" | "layout" | "signer">;

/** The same, and of which images. */
export interface Want extends AskedSignature {
  readonly subjects: readonly Digest[];
  /** What a summary of each subject has to say: one that says something else is not the one that is asked for. */
  readonly summaries?: ReadonlyMap<Digest, WantedSummary> | undefined;
}

/** Predicate types of what is signed. */
export const predicates = {
  signature: cosignSignature,
  record: promotionPredicate,
  summary: summaryPredicate,
} as const satisfies Readonly<Record<SignedKind, string>>;

/**
 * What of the wants is not there yet, with the images that lack it alone. What somebody else has signed is not ours, and
 * what cannot be verified is nobody's.
 * @throws {WaybillError} when something cannot be read, or the signer does not know who it is.
 */
export async function lackingOf<Wanted extends Want>(
  wants: readonly Wanted[],
  { identity, named }: Pick<PlannedSigning, "identity" | "named">,
  destination: RepositoryName,
  { open, signing }: { readonly open: OpenRepository; readonly signing: ImageSigning },
): Promise<readonly Wanted[]> {
  const repository = open(destination);
  /** One look for all that a signer is asked for of an image. */
  const look = async (name: string, digest: Digest): Promise<readonly SignedHere[]> => {
    const here = wants.filter(({ signer, subjects }) => signer === name && subjects.includes(digest));
    const { signer, verifier } = signing.signer(name);
    const [by, known] = await Promise.all([signer.identity(), verifier()]);
    const legacy = here.filter(({ layout }) => layout === "legacy");
    return findSignedHere(repository, digest, {
      identity: by,
      verifier: known,
      bundles: here.flatMap(({ layout, what }) => (layout === "bundle" ? [predicates[what]] : [])),
      tags: [...new Set(legacy.map(({ what }) => (what === "signature" ? "sig" : "att")))],
    });
  };
  const looks = new Map<string, Promise<readonly SignedHere[]>>();
  const signedOf = (name: string, digest: Digest): Promise<readonly SignedHere[]> => {
    const key = `${name} ${digest}`;
    const looking = looks.get(key) ?? look(name, digest);
    looks.set(key, looking);
    return looking;
  };
  /** A signature that holds wherever the digest is has no name of its own. */
  const isIt = ({ what, layout }: Want, found: SignedHere): boolean => {
    const isPlain = what === "signature" && layout === "legacy";
    const hasName = (what === "signature" && !isPlain && !named) || found.name === identity;
    const predicate = isPlain ? undefined : predicates[what];
    return found.layout === layout && found.predicateType === predicate && hasName;
  };
  return Promise.all(
    wants.map(async (want) => {
      const missing = await Promise.all(
        want.subjects.map(async (digest) => {
          const signed = await signedOf(want.signer, digest);
          const found = signed.filter((each) => isIt(want, each));
          const isThere =
            want.what === "summary" ? isAsWanted(want.summaries?.get(digest), found) : found.length > 0;
          return isThere ? [] : [digest];
        }),
      );
      return { ...want, subjects: missing.flat() };
    }),
  );
}

/**
 * Of summaries by one signer the newest holds. While nobody knows what it has to say, none is there; but of an image that is gone
 * from where it came, any is as wanted, for less is known now than when it was signed.
 */
function isAsWanted(wanted: WantedSummary | undefined, found: readonly SignedHere[]): boolean {
  const summaries = found.flatMap(({ summary }) => summary ?? []);
  if (wanted?.isGone === true && summaries.length > 0) return true;
  const last = Math.max(...summaries.map(({ time }) => Date.parse(time)));
  const newest = summaries.filter(({ time }) => Date.parse(time) === last);
  return (
    wanted?.result !== undefined &&
    newest.length > 0 &&
    newest.every(({ result, levels }) => {
      const said = levels.filter((level) => level.startsWith(buildLevels));
      const isLevel = result === "FAILED" || (said.length === 1 && said[0] === wanted.level);
      return result === wanted.result && isLevel;
    })
  );
}
