import { algorithmOf, type Digest, hexOf } from "../oci/index.ts";
import { type ImageStatement, statementAbout } from "./statement.ts";

/** The predicate type of a promotion record. */
export const promotionPredicate = "https://k8s.io/promo-tools/promotion/v1";

/** What is known of the promotion of one digest. What is left out is not in the record. */
export interface PromotionFacts {
  readonly digest: Digest;
  /** The repository that it came from. */
  readonly source?: string | undefined;
  /** The name that the image has in production, such as `registry.k8s.io/pause`. */
  readonly destination: string;
  readonly tags?: readonly string[] | undefined;
  /** When the run began: all its records have the same. Written in whole seconds. */
  readonly time: Date;
  /** Who promotes, with its version. */
  readonly promoter: {
    readonly uri: string;
    readonly version: string;
    readonly gitCommit?: string | undefined;
  };
  /** The file that asks for the digest. */
  readonly manifest?:
    | {
        /** From the top of its repository on. */
        readonly path: string;
        /** Where Git has the repository, without `git+`. */
        readonly repository?: string | undefined;
        readonly commit?: string | undefined;
      }
    | undefined;
  /** The run that promotes, as Prow names runs. */
  readonly job?:
    | {
        readonly name: string;
        readonly type?: string | undefined;
        readonly buildId?: string | undefined;
        readonly prowJobId?: string | undefined;
      }
    | undefined;
}

/**
 * A promotion record: that a digest was promoted, by what, from where, because of which promoter manifest. Its fields are those
 * that kpromo writes ("Promotion predicate"), so that who reads its records reads these.
 */
export function promotionRecord(facts: PromotionFacts): ImageStatement {
  const { digest, source, destination, tags = [], time, promoter, manifest, job } = facts;
  const resource = (name: string) => ({ name, digest: { [algorithmOf(digest)]: hexOf(digest) } });
  const { path, repository, commit } = manifest ?? {};
  return statementAbout({ digest, name: destination }, promotionPredicate, {
    srcRef: source === undefined ? undefined : `${source}@${digest}`,
    dstRef: destination,
    digest,
    timestamp: wholeSeconds(time),
    builderId: `${promoter.uri}@${promoter.version}`,
    tags: tags.length === 0 ? undefined : [...tags].sort(),
    source: source === undefined ? undefined : resource(source),
    destination: resource(destination),
    manifest: manifest && {
      name: path,
      uri: repository === undefined ? undefined : `git+${repository}`,
      digest: commit === undefined ? undefined : { gitCommit: commit },
    },
    promoter: { version: promoter.version, gitCommit: promoter.gitCommit },
    job,
  });
}

/** RFC 3339 without fractions. */
export function wholeSeconds(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
