import type { FetchDocument } from "../../copy/index.ts";
import type { Place } from "../../diagnostics/index.ts";
import type { DesiredImage } from "../../edges/index.ts";
import { type FailureRecord, failureRecord } from "../../errors/index.ts";
import { type Digest, type RepositoryName, splitRepository } from "../../oci/index.ts";
import type { Repository } from "../../registry/index.ts";
import {
  type Accompaniment,
  type Admission,
  companionKey,
  companionsOf,
  type Hanging,
  type ImageTrust,
  type LeftBehind,
  travelling,
} from "../../trust/index.ts";
import { hostLimits } from "../by-host.ts";
import { imagesThere } from "../images-there.ts";
import { interruption } from "../interruption.ts";
import { judgedImage } from "../judged-image.ts";
import type { Judging } from "../judging.ts";
import type { Section } from "../plan.ts";
import type { SectionQuestion } from "../section.ts";
import { type HeldThere, heldAt, nothingHeld } from "./held.ts";
import { type PlannedCompanion, type PlannedTravel, referrersKind } from "./planned.ts";
import { measuredCompanions } from "./size.ts";

/** One image from one source, and where it is to be with what hangs on it. */
interface Journey {
  readonly digest: Digest;
  readonly source: RepositoryName;
  readonly project: string;
  readonly at: Place;
  readonly targets: {
    readonly destination: RepositoryName;
    readonly image: DesiredImage;
    readonly isPresent: boolean;
  }[];
}

/** Images of one source host that are looked at at the same time. */
const imagesAtOnce = 24;

/**
 * Compares what hangs on images at their source with what hangs on them in production. Where a policy requires something, what
 * policies accept travels; otherwise all that hangs there, unless a setting says otherwise. Where a setting says what travels, all images are looked
 * at; otherwise those alone that are brought, or tagged, by the same plan: nothing is asked about the others. Production is
 * asked only where the source has something; what hangs in production alone stays. Never throws.
 */
export async function planTravel(question: SectionQuestion): Promise<Section<PlannedTravel>> {
  const { trust, signal } = question;
  if (trust === undefined) return { kind: referrersKind, present: 0, items: [] };
  const limits = hostLimits(imagesAtOnce);
  const planned = await Promise.all(
    journeysOf(question, trust).map((journey) =>
      limits(splitRepository(journey.source).host)(async () =>
        signal?.aborted ? notLookedAt(journey) : await planJourney(journey, question, trust),
      ),
    ),
  );
  const items = planned.flatMap((each) => each.items).sort(byPlace);
  return { kind: referrersKind, present: planned.reduce((sum, { present }) => sum + present, 0), items };
}

function byPlace(one: PlannedTravel, other: PlannedTravel): number {
  const key = ({ destinations: [first], image }: PlannedTravel) => `${first} ${image}`;
  return key(one) < key(other) ? -1 : 1;
}

function journeysOf({ edges, earlier }: SectionQuestion, { travel }: ImageTrust): readonly Journey[] {
  const journeys = new Map<string, Journey>();
  for (const { destination, image, source, project, isPresent, hasWork } of imagesThere(edges, earlier)) {
    const setting = travel(project);
    if (setting === "none" || (setting === undefined && !hasWork)) continue;
    const key = `${source}@${image.digest} ${project}`;
    const { at } = image.sources[0];
    const journey = journeys.get(key) ?? { digest: image.digest, source, project, at, targets: [] };
    journeys.set(key, journey);
    journey.targets.push({ destination, image, isPresent });
  }
  return [...journeys.values()];
}

interface Planned {
  readonly present: number;
  readonly items: readonly PlannedTravel[];
}

const nothing: Planned = { present: 0, items: [] };

async function planJourney(
  journey: Journey,
  { open, documents, judging }: SectionQuestion,
  trust: ImageTrust,
): Promise<Planned> {
  const { digest, source, targets } = journey;
  try {
    const from = open(source);
    const fetch = documents.of(from);
    const hanging = await trust.hanging(from, fetch, digest);
    // Staging may have been cleaned: what production has stays, and nobody knows of more.
    if (hanging === undefined) return nothing;
    const candidates = companionsOf(hanging);
    if (candidates.length === 0 && hanging.unread.length === 0) return nothing;
    const held = await Promise.all(
      targets.map(({ destination, isPresent }) =>
        isPresent && candidates.length > 0 ? heldAt(() => open(destination), hanging) : nothingHeld,
      ),
    );
    const isAllThere = held.every(({ has, failure }) => failure === undefined && candidates.every(has));
    if (isAllThere && hanging.unread.length === 0)
      return { ...nothing, present: candidates.length * targets.length };
    const chosen = await choose(journey, hanging, { trust, judging }, from, fetch, held);
    return decide(journey, chosen, held);
  } catch (error) {
    return decide(journey, unreadEverywhere(journey, failureRecord(error)), []);
  }
}

/** What travels with an image, what stays behind, and what nobody knows of. */
interface Chosen {
  readonly companions: readonly (Accompaniment & { readonly failure?: FailureRecord | undefined })[];
  readonly left: readonly LeftBehind[];
  readonly unread: readonly FailureRecord[];
}

/** For each destination by itself: other policies may be about it there. */
async function choose(
  journey: Journey,
  hanging: Hanging,
  { trust, judging }: { readonly trust: ImageTrust; readonly judging: Judging },
  from: Repository,
  fetch: FetchDocument,
  held: readonly HeldThere[],
): Promise<readonly Chosen[]> {
  const admissions = await Promise.all(
    journey.targets.map((target) => admissionOf(journey, target, trust, judging)),
  );
  const nothingAccepted: Chosen = {
    ...nothingChosen,
    left: companionsOf(hanging).map((companion) => ({ ...companion, reason: "not-accepted" })),
  };
  if (admissions.every((admission) => admission === undefined)) return admissions.map(() => nothingAccepted);
  const tree = await trust.attachments(journey.source, journey.digest);
  const chosen = admissions.map((admission) =>
    admission === undefined ? nothingAccepted : travelling(hanging, tree, admission, from),
  );
  const all = chosen.flatMap(({ companions }) =>
    companions.map((each) => [companionKey(each), each] as const),
  );
  const missing = new Set(
    chosen.flatMap(({ companions }, index) =>
      companions.filter((each) => held[index]?.has(each) !== true).map(companionKey),
    ),
  );
  const measured = await measuredCompanions([...new Map(all).values()], missing, hanging, from, fetch);
  const failures = new Map(measured.map((each) => [companionKey(each), each.failure]));
  return chosen.map(({ companions, ...others }) => ({
    ...others,
    companions: companions.map((each) => ({ ...each, failure: failures.get(companionKey(each)) })),
  }));
}

/**
 * What may travel to a destination; `undefined` where no policy is there to accept anything. Without a setting only policies
 * that require something restrict it: what one that warns says takes nothing away that would travel without it. What any of
 * them accepts is accepted.
 */
async function admissionOf(
  { source, project }: Journey,
  { destination, image }: Journey["targets"][number],
  trust: ImageTrust,
  judging: Judging,
): Promise<Admission | undefined> {
  const setting = trust.travel(project);
  if (setting === "none") return [];
  if (setting === "all" || typeof setting === "object") return setting;
  const judged = judgedImage(image, { source, project }, destination);
  // What hangs on it at its source is what would travel.
  const { verdicts: said } = await judging.verdictsOn(judged, { destination, isPresent: false });
  const verdicts = said.filter(({ mode }) => mode !== "off");
  const isRestricted = setting === "accepted" || verdicts.some(({ mode }) => mode === "require");
  if (!isRestricted) return "all";
  if (verdicts.length === 0) return undefined;
  return { accepted: verdicts.flatMap(({ accepted }) => accepted) };
}

/** What is to become of each companion at each destination; those that lack the same share an item. */
function decide(journey: Journey, chosen: readonly Chosen[], held: readonly HeldThere[]): Planned {
  const { digest, source, project, targets, at } = journey;
  const items = new Map<string, PlannedTravel & { destinations: RepositoryName[] }>();
  let present = 0;
  for (const [index, { destination }] of targets.entries()) {
    const here = held[index] ?? nothingHeld;
    const { companions, left, unread } = chosen[index] ?? nothingChosen;
    const lacking: PlannedCompanion[] = [];
    const unknown = here.failure === undefined ? oneOfEachKind(unread) : [here.failure];
    for (const failure of unknown) {
      const reason = here.failure === undefined ? "source-unread" : "destination-unread";
      lacking.push({ digest, subject: digest, verdict: "unread", reason, at, failure });
    }
    if (here.failure === undefined) {
      for (const { failure, ...companion } of companions) {
        if (here.has(companion)) present += 1;
        else if (failure === undefined)
          lacking.push({ ...companion, verdict: "attach", reason: "attachment-absent", at });
        else lacking.push({ ...companion, verdict: "unread", reason: "source-unread", at, failure });
      }
    }
    const staying = here.failure === undefined ? left.filter((companion) => !here.has(companion)) : [];
    if (lacking.length === 0 && staying.length === 0) continue;
    const key = [
      ...lacking.map(({ verdict, ...companion }) => `${companionKey(companion)} ${verdict}`),
      ...staying.map(({ reason, ...companion }) => `${companionKey(companion)} ${reason}`),
      ...(here.failure === undefined ? [] : [destination]),
    ].join("\n");
    const item = items.get(key);
    if (item !== undefined) item.destinations.push(destination);
    else {
      const travel = { destinations: [destination], image: digest, source, project, companions: lacking };
      items.set(key, staying.length === 0 ? travel : { ...travel, left: staying });
    }
  }
  return { present, items: [...items.values()] };
}

const nothingChosen: Chosen = { companions: [], left: [], unread: [] };

function unreadEverywhere({ targets }: Journey, failure: FailureRecord): readonly Chosen[] {
  return targets.map(() => ({ ...nothingChosen, unread: [failure] }));
}

/** Hundreds may have failed for one reason; which reasons there are decides what becomes of the image. */
function oneOfEachKind(failures: readonly FailureRecord[]): readonly FailureRecord[] {
  return [...new Map(failures.toReversed().map((failure) => [failure.code, failure])).values()].reverse();
}

function notLookedAt(journey: Journey): Planned {
  return decide(journey, unreadEverywhere(journey, interruption), []);
}
