import type { DocumentCache } from "../copy/index.ts";
import { failureRecord } from "../errors/index.ts";
import type { Digest, RepositoryName } from "../oci/index.ts";
import type { JudgedImage, PolicyVerdict } from "../policy/index.ts";
import type { ImageTrust } from "../trust/index.ts";
import type { SourceReading } from "./decide.ts";
import type { OpenRepository } from "./section.ts";

/** An image, and the places that it may come from, in the order in which they are tried. */
export interface SourcedImage {
  readonly digest: Digest;
  readonly sources: readonly { readonly repository: RepositoryName }[];
}

/** What policies say of an image now. */
export interface Judged {
  readonly verdicts: readonly PolicyVerdict[];
  /** It is there, and where it comes from has it no more: what had vouched for it may be gone with it. */
  readonly isGone: boolean;
}

/** What a run asks once of the images that it promotes, whichever of its sections wants to know. */
export interface Judging {
  /** Which of its sources has an image. Never throws. */
  sourceOf(image: SourcedImage): Promise<SourceReading>;
  /**
   * What policies say of an image at one destination; empty where none applies, and nothing is asked then. The evidence is what
   * hangs on it where it comes from; of one that is there and that no source has any more, what hangs on it there. Never throws.
   */
  verdictsOn(
    image: JudgedImage,
    at: { readonly destination: RepositoryName; readonly isPresent: boolean },
  ): Promise<Judged>;
}

/** Verdicts that are kept: of more, those that are oldest are found again from what was read. */
const maxKept = 20_000;

/** Begins with nothing asked. */
export function openJudging({
  open,
  documents,
  trust,
}: {
  readonly open: OpenRepository;
  readonly documents: DocumentCache;
  readonly trust?: ImageTrust | undefined;
}): Judging {
  const readings = new Map<string, Promise<SourceReading>>();
  const kept = new Map<string, Promise<readonly PolicyVerdict[]>>();

  const readOne = async (repository: RepositoryName, digest: Digest): Promise<SourceReading> => {
    try {
      const document = await documents.of(open(repository))(digest);
      return document === undefined ? { state: "missing" } : { state: "found", repository };
    } catch (error) {
      return { state: "unread", failure: failureRecord(error) };
    }
  };

  const sourceOf: Judging["sourceOf"] = async ({ digest, sources }) => {
    let answer: SourceReading = { state: "missing" };
    for (const { repository } of sources) {
      const key = `${repository}@${digest}`;
      const reading = readings.get(key) ?? readOne(repository, digest);
      readings.set(key, reading);
      const found = await reading;
      if (found.state === "found") return found;
      if (found.state === "unread") answer = found;
    }
    return answer;
  };

  /** Where what hangs on an image that is there is evidence of it; `undefined` where no source has it any more. */
  const placeOf = async ({
    digest,
    source,
    alsoFrom = [],
  }: JudgedImage): Promise<RepositoryName | undefined> => {
    const places = new Set([source, ...alsoFrom.map((each) => each.source)]);
    const found = await sourceOf({ digest, sources: Array.from(places, (repository) => ({ repository })) });
    if (found.state === "found") return found.repository;
    return found.state === "missing" ? undefined : source;
  };

  return {
    sourceOf,
    async verdictsOn(image, { destination, isPresent }) {
      if (trust === undefined || !trust.applies(image)) return { verdicts: [], isGone: false };
      const { digest, source, project } = image;
      const place = isPresent ? await placeOf(image) : source;
      const where = place ?? destination;
      const key = `${where} ${destination} ${digest} ${source} ${project}`;
      const verdicts = kept.get(key) ?? trust.judge(image, where);
      kept.set(key, verdicts);
      const [oldest] = kept.keys();
      if (kept.size > maxKept && oldest !== undefined) kept.delete(oldest);
      return { verdicts: await verdicts, isGone: place === undefined };
    },
  };
}
