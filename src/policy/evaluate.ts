import { printable } from "../diagnostics/index.ts";
import { restBelow } from "../oci/index.ts";
import type { DemandAnswer } from "./answer.ts";
import { demandAnswer } from "./demand.ts";
import type { Evidence, JudgedImage, PolicyVerdict } from "./model.ts";
import type { Demand, Policy, PolicyException, PolicyScope } from "./rule.ts";
import { fitsGlob, type NameGlob } from "./text-pattern.ts";
import { wayOutOf } from "./way-out.ts";

/** The policies that an image is held against: none that is off, and none that is about other images. */
export function policiesFor(policies: readonly Policy[], image: JudgedImage): readonly Policy[] {
  return policies.filter(({ mode, covers }) => mode !== "off" && isCovered(covers, image));
}

/**
 * What policies say of an image, one verdict for each that applies ({@link policiesFor}); all of them have to be satisfied. Pure:
 * what is known of the image is in the evidence, and the time is given.
 */
export function evaluatePolicies(
  policies: readonly Policy[],
  image: JudgedImage,
  evidence: Evidence,
  now: Date,
): readonly PolicyVerdict[] {
  return policiesFor(policies, image).map((policy) => verdictOf(policy, image, evidence, now));
}

/** Whether what policies demand depends on the platform that an image without an index is for ({@link Evidence}, `platform`). */
export function askForPlatform(policies: readonly Policy[]): boolean {
  return policies.some(({ demand }) => asksForPlatform(demand));
}

function asksForPlatform(demand: Demand): boolean {
  return "of" in demand ? demand.of.some(asksForPlatform) : demand.kind === "platforms";
}

/** Whether a part of it is a demand of provenance, which may verify a level of SLSA's build track. */
function asksForProvenance(demand: Demand): boolean {
  return "of" in demand ? demand.of.some(asksForProvenance) : demand.kind === "provenance";
}

/** Whether an exception is over: its last day has ended. */
export function isOver({ until }: Pick<PolicyException, "until">, now: Date): boolean {
  return now.getTime() >= Date.parse(`${until}T00:00:00Z`) + 24 * 60 * 60 * 1000;
}

function verdictOf(policy: Policy, image: JudgedImage, evidence: Evidence, now: Date): PolicyVerdict {
  const { name, at, mode } = policy;
  const places = placesOf(image).filter((place) => isAbout(policy.covers, place));
  const letThrough = atAll(places, (place) =>
    policy.exceptions
      .filter((each) => isExcepted(each, place) && !isOver(each, now))
      .flatMap(({ vulnerabilities = [] }) => vulnerabilities),
  );
  const names = namesOf(policy.covers, image);
  const asked = { now, root: evidence.digest, files: evidence.files ?? [], letThrough, names };
  const answer = demandAnswer(policy.demand, evidence, asked);
  const { accepted, failure } = answer;
  const level = asksForProvenance(policy.demand)
    ? { level: answer.outcome === "satisfied" ? (answer.level ?? 0) : 0 }
    : {};
  const verdict = { policy: name, at, mode, accepted, failure, ...level };
  if (answer.outcome === "satisfied") return { ...verdict, ...told(answer), failure: undefined };
  const exception = exceptionFrom(policy, places);
  if (exception === undefined)
    return { ...verdict, ...told(answer), hint: wayOutOf(policy.demand, answer.outcome) };
  const words = `until ${exception.until}, by ${printable(exception.by)}: ${printable(exception.reason)}`;
  if (!isOver(exception, now))
    return { ...verdict, outcome: "excepted", why: bounded(`excepted ${words}; ${answer.why}`) };
  return {
    ...verdict,
    outcome: answer.outcome,
    why: bounded(`its exception is over (${words}); ${answer.why}`),
    hint: "satisfy the policy, or have the exception prolonged where the policy stands",
  };
}

/**
 * The exception that lets an image through: there is one for each place that the policy is about it by, and it holds no longer than
 * the first of them. So where an image comes from decides nothing while others list it as well.
 */
function exceptionFrom({ exceptions }: Policy, places: readonly JudgedImage[]): PolicyException | undefined {
  const whole = exceptions.filter(({ vulnerabilities }) => vulnerabilities === undefined);
  const longest = places.map((place) =>
    whole
      .filter((each) => isExcepted(each, place))
      .sort(byEnd)
      .at(-1),
  );
  return longest.includes(undefined) ? undefined : longest.flatMap((each) => each ?? []).sort(byEnd)[0];
}

function byEnd(one: PolicyException, other: PolicyException): number {
  return one.until < other.until ? -1 : one.until > other.until ? 1 : 0;
}

/** What is in the lists of all. */
function atAll(
  places: readonly JudgedImage[],
  list: (place: JudgedImage) => readonly string[],
): readonly string[] {
  const [first = [], ...others] = places.map(list);
  return first.filter((each) => others.every((other) => other.includes(each)));
}

/** Characters of what is told of one image. */
const maxWords = 1000;

function bounded(words: string): string {
  return words.length > maxWords ? `${words.slice(0, maxWords)}…` : words;
}

function told({ outcome, why }: DemandAnswer): Pick<PolicyVerdict, "outcome" | "why"> {
  return { outcome, why: bounded(why) };
}

/** What the image is called below the source of a policy. At the source itself it has no name, which no pattern means. */
function namesOf({ source }: PolicyScope, image: JudgedImage): readonly string[] {
  if (source === undefined) return [];
  return [...new Set(placesOf(image).map((each) => restBelow(source, each.source) ?? ""))].filter(
    (name) => name !== "",
  );
}

function isCovered(scope: PolicyScope, image: JudgedImage): boolean {
  return placesOf(image).some((each) => isAbout(scope, each));
}

/** The image as it is from each of the places that it may come from. */
function placesOf({ alsoFrom = [], ...image }: JudgedImage): readonly JudgedImage[] {
  return [image, ...alsoFrom.map((place) => ({ ...image, ...place }))];
}

function isAbout({ images, projects, source }: PolicyScope, image: JudgedImage): boolean {
  return (
    (source === undefined || restBelow(source, image.source) !== undefined) &&
    (projects === undefined || projects.some((glob) => fitsGlob(glob, image.project))) &&
    (images === undefined || isNamed(images, image))
  );
}

function isExcepted({ images, digests }: PolicyException, image: JudgedImage): boolean {
  return (
    (images === undefined || isNamed(images, image)) &&
    (digests === undefined || digests.includes(image.digest))
  );
}

function isNamed(images: readonly NameGlob[], { source, destinations }: JudgedImage): boolean {
  const names = [source, ...destinations];
  return images.some((glob) => names.some((name) => fitsGlob(glob, name)));
}
