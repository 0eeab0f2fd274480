import type { DocumentCache } from "../../copy/index.ts";
import { failureRecord, phrase } from "../../errors/index.ts";
import { type Digest, formatReference, isAttestation, readImageContent } from "../../oci/index.ts";
import type { JudgedImage } from "../../policy/index.ts";
import { RegistryError } from "../../registry/index.ts";
import type { SigningRule } from "../../settings/index.ts";
import { SigningError } from "../../signing/index.ts";
import { type ImageSigning, identityIn } from "../../trust/index.ts";
import { onEachHost } from "../by-host.ts";
import { type ImageThere, imagesThere } from "../images-there.ts";
import { interruption } from "../interruption.ts";
import { alsoFrom, judgedImage } from "../judged-image.ts";
import type { Judged } from "../judging.ts";
import type { Section } from "../plan.ts";
import { heldByPolicies } from "../policies.ts";
import type { OpenRepository, SectionQuestion } from "../section.ts";
import { gatherSigning } from "./gather.ts";
import { judgedSubjects, unreadable, wantedSummary } from "./judged.ts";
import { type AskedSignature, lackingOf, type Want } from "./lacking.ts";
import {
  type PlannedSignature,
  type PlannedSigning,
  type SignedKind,
  signatureKind,
} from "./planned-signatures.ts";

const imagesAtOnce = 16;

/**
 * What is to be signed of the images that are in production or are about to get there. Of those that are about to, nothing
 * is asked; of the others, what the signer of the rule has signed already. A failure to read is `unread`, never "not signed".
 */
export async function planSignatures(question: SectionQuestion): Promise<Section<PlannedSigning>> {
  const { signing, edges, earlier } = question;
  if (signing === undefined) return { kind: signatureKind, present: 0, items: [] };
  return planSigningOf(imagesThere(edges, earlier), { ...question, signing });
}

/** The same of images that are known to be there, or to get there. */
export async function planSigningOf(
  images: Iterable<ImageThere>,
  question: SectionQuestion & { readonly signing: ImageSigning },
): Promise<Section<PlannedSigning>> {
  const { signing, signal, listener } = question;
  const wanted = [...images].flatMap((there) => {
    const rule = signing.ruleOf(there.destination);
    return rule === undefined ? [] : [{ ...there, rule }];
  });
  const gathering = gatherSigning();
  let present = 0;
  let done = 0;
  await onEachHost(wanted, imagesAtOnce, async ({ rule, ...there }) => {
    const planned = await planImage(there, rule, { ...question, aborted: signal?.aborted === true });
    present += planned.present;
    gathering.add(there.destination, planned.image);
    done += 1;
    listener?.({ type: "progress", done, total: wanted.length });
  });
  return { kind: signatureKind, present, items: gathering.items() };
}

interface Planning extends Pick<SectionQuestion, "open" | "documents" | "judging" | "trust"> {
  readonly signing: ImageSigning;
  readonly aborted: boolean;
}

/** One image in one repository: what is not as asked, and how much is. */
async function planImage(
  there: ImageThere,
  rule: SigningRule,
  planning: Planning,
): Promise<{ readonly image: Omit<PlannedSigning, "destinations">; readonly present: number }> {
  const { destination, name, image, source, project, tags } = there;
  const base = {
    digest: image.digest,
    project,
    source,
    arrives: !there.isPresent,
    tags,
    identity: identityIn(rule.identity, destination, name),
    named: rule.identity !== undefined,
    ...(there.byName === true ? { byName: true } : {}),
    ...(image.sources.length < 2 ? {} : { alsoFrom: alsoFrom(image) }),
  };
  const at = image.sources.find(({ repository }) => repository === source)?.at ?? image.sources[0].at;
  const asked = askedOf(there, rule, planning);
  const unread = (
    failure: PlannedSignature["failure"] & object,
    reason: "destination-unread" | "signer-failed" = "destination-unread",
  ): PlannedSignature[] =>
    asked.map((each) => ({
      ...each,
      verdict: "unread",
      reason,
      at,
      subjects: [],
      failure,
    }));
  if (planning.aborted) return { image: { ...base, edges: unread(interruption) }, present: 0 };
  try {
    const subjects = rule.platforms === true ? await subjectsOf(there, planning) : [image.digest];
    const hasSummary = there.isPresent && asked.some(({ what }) => what === "summary");
    const judgedHere = (digest = image.digest) =>
      planning.judging.verdictsOn({ ...judgedOf(there), digest }, there);
    const judged = hasSummary ? await judgedSubjects(subjects, judgedHere) : new Map<Digest, Judged>();
    const summaries = new Map([...judged].map(([digest, each]) => [digest, wantedSummary(each)] as const));
    const wants = asked.map((each): Want => {
      if (each.what === "record") return { ...each, subjects: [image.digest] };
      return { ...each, subjects, ...(each.what === "summary" ? { summaries } : {}) };
    });
    const lacking = there.isPresent ? await lackingOf(wants, base, destination, planning) : wants;
    const work = lacking.filter(({ subjects: about }) => about.length > 0);
    // Nothing is said to be promoted that policies would not let through. Of what is to be copied, the plan of images says it.
    const held =
      there.isPresent && work.length > 0 ? heldByPolicies((await judgedHere()).verdicts) : undefined;
    const unknown = unreadable([...judged.values()].flatMap(({ verdicts }) => verdicts));
    const edges = work.map(({ summaries: _, ...want }): PlannedSignature => {
      const edge = { ...want, verdict: "sign", reason: reasons[want.what], at } as const;
      const against = held ?? (want.what === "summary" ? unknown : undefined);
      return against === undefined ? edge : { ...edge, ...against, subjects: [] };
    });
    const present = asked.length - edges.length;
    if (there.isUnclaimed && rule.summary !== undefined)
      edges.push({ ...summaryOf(rule, rule.summary), ...unjudged, at, subjects: [] });
    return { image: { ...base, edges }, present };
  } catch (error) {
    const reason = error instanceof SigningError ? "signer-failed" : undefined;
    return { image: { ...base, edges: unread(failureRecord(error), reason) }, present: 0 };
  }
}

const reasons = {
  signature: "signature-absent",
  record: "record-absent",
  summary: "summary-absent",
} as const satisfies Readonly<Record<SignedKind, string>>;

/** What a rule asks for of an image. A summary only tells of policies: where none applies there is nothing to tell. */
function askedOf(
  there: ImageThere,
  { signer, layout = "bundle", record, summary }: SigningRule,
  { trust }: Planning,
): readonly AskedSignature[] {
  const layouts = layout === "both" ? (["bundle", "legacy"] as const) : [layout];
  // cosign's older layout is for those who read signatures alone in it; where both are asked for, statements are bundles.
  const statements = layout === "legacy" ? "legacy" : "bundle";
  return [
    ...layouts.map((each): AskedSignature => ({ what: "signature", layout: each, signer })),
    ...(record === true ? [{ what: "record", layout: statements, signer } as const] : []),
    ...(summary !== undefined && !there.isUnclaimed && trust?.applies(judgedOf(there)) === true
      ? [summaryOf({ layout }, summary)]
      : []),
  ];
}

function summaryOf({ layout }: Pick<SigningRule, "layout">, signer: string): AskedSignature {
  return { what: "summary", layout: layout === "legacy" ? "legacy" : "bundle", signer };
}

/** A summary is asked for, and nobody knows whether there is anything for it to tell. */
const unjudged = {
  verdict: "unread",
  reason: "policy-unreadable",
  failure: {
    code: "policy-unreadable",
    message: "no manifest that was read asks for the image, so that nobody knows which policies are about it",
    hint: "name the manifests that ask for it with --manifests",
  },
} as const;

function judgedOf({ image, source, destination, project }: ImageThere): JudgedImage {
  return judgedImage(image, { source, project }, destination);
}

/** The image, and those that its index lists; what BuildKit lists beside them says something about an image, and is none. */
async function subjectsOf(
  { destination, image, source, isPresent }: ImageThere,
  { open, documents }: { readonly open: OpenRepository; readonly documents: DocumentCache },
): Promise<readonly Digest[]> {
  const repository = open(isPresent ? destination : source);
  const fetch = documents.of(repository);
  const found = new Set<Digest>();
  const walk = async (digest: Digest): Promise<void> => {
    if (found.has(digest)) return;
    found.add(digest);
    const where = formatReference(repository.name, digest);
    const document = await fetch(digest);
    if (document === undefined)
      throw new RegistryError("manifest-missing", phrase`${digest} is not there`, { where });
    const { kind, children } = readImageContent(document, where);
    if (kind !== "index") return;
    for (const child of children) if (!isAttestation(child)) await walk(child.digest);
  };
  await walk(image.digest);
  return [...found];
}
