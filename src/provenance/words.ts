import { outsideWord } from "../diagnostics/index.ts";
import { knownForgeKind } from "../forge/index.ts";
import type { Provenance } from "./read.ts";

/**
 * The address of the source as people write it: without `git+` and without what stands after an `@` in its path, such
 * as the branch or the commit.
 */
export function sourceAddress(source: string): string {
  return source.replace(/^git\+/, "").replace(/(?<path>:\/\/[^/]*\/[^@]*)@.*$/, "$<path>");
}

const shownDigits = 12;

/** What built an image, in words around the commit that it was built from. */
export interface OriginWords {
  readonly before: string;
  /** Empty when nobody says which it is. */
  readonly commit: string;
  readonly after: string;
}

/** What is told of how an image was built. */
export interface ToldOrigin extends Pick<Provenance, "commit" | "source" | "isDirty" | "run" | "builder"> {
  /** Who signed it, in words, where the signature was verified. */
  readonly verifiedBy?: string | undefined;
}

/**
 * What built an image, in a few words: `built from 9afb85e00000 of https://example.com/app by run push-app/1`, and
 * `, verified: signed by the key release` where that is so.
 * `undefined` when a builder said nothing of it. The words are from outside, as they may be printed.
 */
export function originWords(origin: ToldOrigin): OriginWords | undefined {
  const { source, isDirty, run, builder, verifiedBy } = origin;
  const commit = shown(origin.commit?.slice(0, shownDigits));
  const address = shown(source && sourceAddress(source));
  const by =
    run !== undefined ? ` by run ${shown(run)}` : builder !== undefined ? ` by ${shown(builder)}` : "";
  const verified = verifiedBy === undefined ? "" : `, verified: signed by ${verifiedBy}`;
  if (commit === "" && address === "") {
    return by === "" ? undefined : { before: "built", commit, after: `${by}${verified}` };
  }
  const of = commit !== "" && address !== "" ? ` of ${address}` : address;
  const dirt = isDirty ? ", with changes that are in no commit," : "";
  return { before: "built from ", commit, after: `${of}${dirt}${by}${verified}` };
}

/** None of it ends its part of the sentence: a builder could say by whom it is signed. */
function shown(word: string | undefined): string {
  return word === undefined || word === "" ? "" : outsideWord(word);
}

/** The same as one text. */
export function originInWords(origin: ToldOrigin): string | undefined {
  const words = originWords(origin);
  return words && `${words.before}${words.commit}${words.after}`;
}

/** An https URL of a repository, with nothing in it that a page could take for anything else. */
const repositoryUrl =
  /^https:\/\/(?<host>[a-z0-9.-]+)\/(?<path>[A-Za-z0-9][\w.-]*(?:\/[A-Za-z0-9][\w.-]*){1,8})\/?$/;
const maxUrlLength = 200;

/**
 * The page of the commit that an image was built from, on a forge whose name tells how its pages are called; for any other
 * source, and for one that is not exactly the URL of a repository, there is none. It is made of text from outside: it leads
 * where a builder says, and is safe to write in Markdown and HTML.
 */
export function commitPage({ source, commit }: Pick<Provenance, "source" | "commit">): string | undefined {
  if (source === undefined || commit === undefined || !/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(commit)) {
    return undefined;
  }
  const address = sourceAddress(source);
  if (address.length > maxUrlLength) return undefined;
  const { host = "", path = "" } = repositoryUrl.exec(address)?.groups ?? {};
  const kind = knownForgeKind(host);
  if (kind === undefined) return undefined;
  return `https://${host}/${path.replace(/\.git$/, "")}/${kind === "gitlab" ? "-/commit" : "commit"}/${commit}`;
}
