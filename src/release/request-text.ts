import { type HoldMeans, holdMeans } from "./hold.ts";

/** What a promotion is proposed for. */
export interface Subject {
  readonly project: string;
  readonly tags: readonly string[];
}

/** A link to show under the pull request, such as a build: `title=url`, or a URL alone. */
export interface RequestLink {
  readonly title: string;
  readonly url: string;
}

/** The trailer that tells commits of `waybill pr` from those of people. */
const trailer = "Promotes-tags:";

/** The branch that the incumbents' `kpromo pr` would use, made of what may stand in a name of Git. */
export function branchNameOf({ project, tags: [first = "images"] }: Subject): string {
  const name = `${project}-${first}-image-promotion`.replace(/[^\w.-]+|\.{2,}/g, "-");
  return name.replace(/^[-.]+|[-.]+$|\.lock$/g, "");
}

/** Title of the pull request and of its commit, in the incumbents' words. */
export function titleOf({ project, tags }: Subject): string {
  const prefix = project === "kubernetes" ? "releng: " : "";
  return `${prefix}Image promotion for ${project} ${tags.join(" / ")}`.trimEnd();
}

/** The message of the commit. `added` are edges in words, one a line. */
export function commitMessageOf(subject: Subject, added: readonly string[]): string {
  const list = added.length <= 100 ? added : [...added.slice(0, 100), `and ${added.length - 100} more`];
  return [titleOf(subject), "", ...list, "", `${trailer} ${subject.tags.join(" ") || "-"}`].join("\n");
}

/** Whether a commit was made by `waybill pr`. */
export function isOurCommit(message: string): boolean {
  return message.split("\n").some((line) => line.startsWith(trailer));
}

const begin = "<!-- waybill pr: begin -->";
const end = "<!-- waybill pr: end -->";
const heldMark = "<!-- waybill pr: held by ";

export interface BodyParts {
  readonly subject: Subject;
  readonly command: string;
  readonly links: readonly RequestLink[];
  readonly review: string;
  /** Asks the incumbents' robot to hold it. */
  readonly hold: boolean;
  /** By what it has been held: from then on people hold it by that, or let it go. */
  readonly held: readonly HoldMeans[];
}

/** The part of a pull request's text that is ours. */
export function bodyOf({ subject, command, links, review, hold, held }: BodyParts): string {
  const tags = subject.tags.map((tag) => `\`${tag}\``).join(", ");
  return [
    begin,
    `Promotes images of **${escaped(subject.project)}**${tags === "" ? "" : `: ${tags}`}.`,
    "",
    ...links.map(
      ({ title, url }) => `- [${escaped(title)}](<${url.replace(/[<>\s]/g, encodeURIComponent)}>)`,
    ),
    ...(links.length > 0 ? [""] : []),
    review.trim(),
    "",
    "<details><summary>Made by</summary>",
    "",
    fenced(command),
    "",
    "</details>",
    ...(hold ? ["", "/hold"] : []),
    ...(held.length > 0 ? [`${heldMark}${[...held].sort().join(", ")} -->`] : []),
    end,
  ].join("\n");
}

/** The text of a pull request with our part made new; what people have written around it stays. */
export function bodyWith(before: string, ours: string): string {
  const from = before.indexOf(begin);
  const to = before.indexOf(end, from);
  if (from >= 0 && to >= 0) return `${before.slice(0, from)}${ours}${before.slice(to + end.length)}`;
  return before.trim() === "" ? ours : `${before.trimEnd()}\n\n${ours}`;
}

/** By what our part of a text says that the pull request has been held. */
export function heldIn(body: string): readonly HoldMeans[] {
  const from = body.indexOf(begin);
  const to = body.indexOf(end, from);
  if (from < 0 || to < 0) return [];
  const last = body.slice(from, to).trimEnd().split("\n").at(-1)?.trim() ?? "";
  if (!last.startsWith(heldMark)) return [];
  const words = last.slice(heldMark.length, -" -->".length).split(", ");
  return holdMeans.filter((means) => words.includes(means));
}

/** Nothing in the text can end the block. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([marks]) => marks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}sh\n${text}\n${fence}`;
}

function escaped(text: string): string {
  return text.replace(/[\\`*_[\]<>&@#|~]/g, (sign) => (sign === "@" ? "@\u200B" : `\\${sign}`));
}
