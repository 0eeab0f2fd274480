import { firstOf, formatPlace, placeOf, type RoughPlace } from "../diagnostics/index.ts";
import { selectionInWords, selectionOptions } from "../edges/index.ts";
import { shellLine } from "../errors/index.ts";
import { judgementInWords, reviewedWords, type Verdict } from "../promotion/index.ts";
import { type FactsInWords, factsInWords } from "./facts-in-words.ts";
import { code, sentence } from "./inert.ts";
import { type PageSection, page, sectionOf } from "./markdown-page.ts";
import type { Owners, Review, ReviewedLine, ReviewedProject, ReviewFinding } from "./review.ts";
import { travelsInWords } from "./travels.ts";
import { countOf, outsideInWords, unchangedInWords } from "./words.ts";

/** Code hosts take a little more than 65,000. */
const maxCharacters = 60_000;

/** What a comment is found again by: it is the beginning of its first line. */
export const reviewMarker = "<!-- waybill-review ";

/**
 * A review as a comment in Markdown, as code hosts render it, of at most 60,000 characters. The first line is a marker
 * that nobody sees, with the hashes of the plan and of the edges and the commit that was reviewed. Nothing that comes
 * from manifests, registries or file names is live in it: no link, no mention, no HTML.
 */
export function formatReviewMarkdown(review: Review): string {
  const { findings, projects } = review;
  const name = namesOf(review);
  const failing = findings.filter(({ severity }) => severity === "fails");
  const mentioned = findings.filter(({ severity }) => severity === "mentions");
  const sections = [
    ...findingSection("What fails", failing, name),
    ...projects.flatMap((project) => projectSections(project, name)),
    ...findingSection("Worth knowing", mentioned, name),
  ];
  return page(`${marker(review)}\n${verdictLines(review)}`, sections, footer(review), maxCharacters);
}

/** What a path of a review is called: from the top of the repository, for whoever reads a comment knows no other place. */
type NameOf = (file: string) => string;

function namesOf({ path, prefix }: Pick<Review, "path" | "prefix">): NameOf {
  const isAll = path === "." || path === "";
  return (file) => {
    const below =
      file === path ? "" : isAll ? file : file.startsWith(`${path}/`) && file.slice(path.length + 1);
    if (below === false) return file;
    return [prefix, below].filter((part) => part !== "").join("/") || ".";
  };
}

function inText(name: NameOf, place: RoughPlace): string {
  return code(formatPlace({ ...place, file: name(place.file) }));
}

function marker({ plan, edgesHash, head }: Review): string {
  const hash = (text: string | undefined): string =>
    text !== undefined && /^(?:sha256:)?[0-9a-f]{40,64}$/.test(text) ? text : "none";
  return `${reviewMarker}plan=${hash(plan?.hash)} edges=${hash(edgesHash)} commit=${hash(head.commit)} -->`;
}

function verdictLines(review: Review): string {
  const { verdict, findings, edges, projects, offline, passedOver, selection } = review;
  const failing = findings.filter(({ severity }) => severity === "fails").length;
  const mentioned = findings.length - failing;
  const changes = [
    ...(edges.added > 0 ? [`${countOf(edges.added, "edge")} added`] : []),
    ...(edges.removed > 0 ? [`${countOf(edges.removed, "edge")} removed`] : []),
    ...(edges.moved > 0 ? [`${countOf(edges.moved, "edge")} moved`] : []),
    ...(edges["source-changed"] > 0 ? [`${countOf(edges["source-changed"], "edge")} from elsewhere`] : []),
  ];
  const what = changes.length === 0 ? unchangedInWords(review) : changes.join(", ");
  const counts = [
    ...(failing > 0 ? [`${failing} to mend`] : []),
    ...(mentioned > 0 ? [`${mentioned} worth knowing`] : []),
  ];
  const before = outsideInWords(review);
  const lines = [
    `**Waybill: ${verdict === "fails" ? "this change fails" : "this change is sound"}**${counts.length === 0 ? "" : ` (${counts.join(", ")})`}. ` +
      `In ${countOf(projects.length, "project")}: ${what}.`,
    ...(selection === undefined
      ? []
      : [
          `Limited to ${code(selectionInWords(selection))}: ${countOf(selection.others, "other edge")} not looked at.`,
        ]),
    ...(offline
      ? ["No registry was asked: whether the images are in staging, and what production holds, is not known."]
      : []),
    ...(passedOver.length > 0
      ? [
          `${countOf(passedOver.length, "other project")} cannot be touched by it and ${passedOver.length === 1 ? "was" : "were"} not looked at.`,
        ]
      : []),
    ...(before === undefined ? [] : [`${before}.`]),
  ];
  return `${lines.join("\n\n")}\n`;
}

function findingSection(title: string, findings: readonly ReviewFinding[], nameOf: NameOf): PageSection[] {
  if (findings.length === 0) return [];
  const row = (found: ReviewFinding): string => findingRow(found, nameOf);
  return [sectionOf(findings, row, { head: `\n#### ${title}\n\n`, noun: "finding" })];
}

function findingRow(finding: ReviewFinding, nameOf: NameOf): string {
  const { code: name, message, hint, isOld, gone, related = [] } = finding;
  const notes = [...(isOld ? [" (it was so before)"] : []), ...(gone ? [" (at the base)"] : [])].join("");
  const others = related.map(
    (other) => `  - ${inText(nameOf, placeOf(other))}: ${sentence(other.message)}\n`,
  );
  return (
    `- **${name}** at ${inText(nameOf, placeOf(finding))}${notes}: ${sentence(message)}\n` +
    `${others.join("")}${hint === undefined ? "" : `  - What to do: ${sentence(hint)}\n`}`
  );
}

const columns = "Line | Image | Digest | What it is | Since the version before | Attached | To be done";
const rule = columns.replace(/[^|]+/g, " --- ").trim();

function projectSections(project: ReviewedProject, nameOf: NameOf): PageSection[] {
  const { lines, files, newDestinations, removedDestinations } = project;
  const title = `\n#### Project ${code(project.project)}\n\n`;
  const about = files.map(({ file, owners }) => `${code(file)}${ownersInWords(owners)}\n`);
  const destinations = [
    ...newDestinations.map(
      ({ name, edges }) =>
        `- New destination ${code(name)}, with ${countOf(edges, "edge")} of lines that were there before\n`,
    ),
    ...removedDestinations.map((name) => `- Destination ${code(name)} is taken away\n`),
  ];
  const head = `${title}${about.slice(0, 4).join("\n")}`;
  if (lines.length === 0) {
    const rows =
      destinations.length === 0 ? ["- No line asks for anything else than before\n"] : destinations;
    return [sectionOf(rows, same, { head: `${head}\n`, noun: "destination" })];
  }
  const table = `\n| ${columns} |\n| ${rule} |\n`;
  const row = (line: ReviewedLine): string => lineRow(line, nameOf);
  return [
    sectionOf(lines, row, { head: `${head}${table}`, noun: "line" }),
    ...(destinations.length === 0
      ? []
      : [sectionOf(destinations, same, { head: "\n", noun: "destination" })]),
    ...destinationSections(lines),
  ];
}

const same = (row: string): string => row;

function ownersInWords(owners: Owners | undefined): string {
  if (owners === undefined) return "";
  const names = (people: readonly string[]): string => firstOf(people.map(code), 20);
  return [
    owners.approvers.length === 0
      ? "; nobody may approve it"
      : `; may be approved by ${names(owners.approvers)}`,
    owners.reviewers.length === 0 ? "" : `; reviewed by ${names(owners.reviewers)}`,
  ].join("");
}

function lineRow(line: ReviewedLine, nameOf: NameOf): string {
  const { image, tag, digest, at, before } = line;
  const { what, since, attached } = factsInWords(line);
  const travels = travelsInWords(line.travels);
  const cells = [
    inText(nameOf, at),
    `${code(image)}${tag === null ? ", no tag" : ` ${code(tag)}`}`,
    before === undefined ? code(digest) : `${code(digest)}, was ${code(before.digest)}`,
    linked(what),
    sentence(since),
    [attached, ...(travels === "" ? [] : [`travels with it: ${travels}`])]
      .map((each) => sentence(each))
      .join("; "),
    [workInWords(line), ...(line.policies ?? []).map((each) => sentence(judgementInWords(each)))].join("; "),
  ];
  return `| ${cells.join(" | ")} |\n`;
}

/** The words, with the commit among them as a link: the one thing from outside that leads anywhere. */
function linked(what: FactsInWords["what"]): string {
  return what
    .map((part) => (typeof part === "string" ? sentence(part) : `[${code(part.commit)}](${part.page})`))
    .filter((part) => part !== "")
    .reduce((words, part) => `${words}${part.startsWith(",") ? "" : " "}${part}`);
}

function workInWords({ kind, verdicts, destinations }: ReviewedLine): string {
  const everywhere = countOf(destinations.length, "destination");
  if (kind === "removed") return `taken away from ${everywhere}`;
  const found = Object.entries(verdicts ?? {}) as [Verdict, number][];
  if (found.length === 0) return everywhere;
  return found.map(([verdict, count]) => `${count} ${reviewedWords[verdict]}`).join(", ");
}

/** Lines whose destinations are shown: those of a project have the same ones as a rule. */
const maxLines = 200;

/** The destinations of lines, those of lines with the same ones together, folded. */
function destinationSections(lines: readonly ReviewedLine[]): PageSection[] {
  const groups = new Map<string, readonly string[]>();
  for (const line of lines.slice(0, maxLines)) {
    const registries = registriesOf(line);
    groups.set(registries.join(" "), registries);
  }
  return [...groups.values()].map((registries) =>
    sectionOf(registries, (registry) => `- ${code(registry)}\n`, {
      // An HTML block ends at an empty line: only behind it is Markdown read, and only there may anything from outside be.
      head: `\n<details>\n<summary>${countOf(registries.length, "destination")}</summary>\n\n`,
      foot: "\n</details>\n",
      noun: "destination",
    }),
  );
}

function registriesOf({ destinations, image }: ReviewedLine): readonly string[] {
  return destinations.map((name) => (name.endsWith(`/${image}`) ? name.slice(0, -image.length - 1) : name));
}

function footer({ path, prefix, base, head, offline, allowRemovals, selection }: Review): string {
  const words = [
    ...["waybill", "review", namesOf({ path, prefix })(path), "--base", base.commit],
    ...(head.commit === undefined ? [] : ["--head", head.commit]),
    ...(allowRemovals ? ["--allow-removals"] : []),
    ...(offline ? ["--offline"] : []),
    ...(selection === undefined ? [] : selectionOptions(selection)),
  ];
  const from = base.from === undefined ? "" : ` (base from ${code(base.from)})`;
  return `\nSee it yourself${from}: ${code(shellLine(words))}\n`;
}
