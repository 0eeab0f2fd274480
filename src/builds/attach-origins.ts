import packageJson from "../../package.json" with { type: "json" };
import { messageOf } from "../errors/index.ts";
import type { Digest } from "../oci/index.ts";
import { attachStatement, canonicalJson, type Statement, slsaStatement } from "../provenance/index.ts";
import type { Repository } from "../registry/index.ts";
import type { Signer } from "../signing/index.ts";
import { type AttachedTo, attachBundle } from "../trust/index.ts";
import type { BuildOutcome, BuildPlan, BuiltImage } from "./model.ts";

/** What is known of a run when its images are there. */
export interface OriginFacts {
  readonly plan: BuildPlan;
  readonly outcomes: readonly BuildOutcome[];
  readonly run: { readonly job: string; readonly id: string };
  /** The branch or tag that was built, where somebody knows. */
  readonly ref?: string | undefined;
  readonly startedAt: Date;
  readonly secrets: readonly string[];
  readonly open: (repository: string) => Repository;
  /** Signs what is attached, where somebody does. */
  readonly signer?: Signer | undefined;
  /** Tells what could not be attached: an image is not the worse for it. */
  readonly say: (text: string) => void;
}

/**
 * Attaches to each image where it comes from, signed where somebody signs, and notes with it what was attached. What cannot be signed
 * is attached as it is: it says where the image comes from all the same, and whoever asks for a signature finds none.
 */
export async function attachOrigins(
  images: readonly BuiltImage[],
  facts: OriginFacts,
): Promise<readonly BuiltImage[]> {
  const finishedAt = new Date();
  const attached = await Promise.all(
    images.map(async (image): Promise<BuiltImage> => {
      try {
        if (isMereClaim(image, facts.plan)) {
          throw new Error("only a step says that it pushed it, and it is not where images of this build go");
        }
        const repository = facts.open(image.repository);
        const { digest: about, mediaType, size } = image;
        const subject = { digest: about, mediaType, size };
        const statement = slsaStatement(buildFacts(image, facts, finishedAt));
        const { digest } =
          (await attachSigned(repository, subject, statement, facts)) ??
          (await attachStatement(repository, subject, statement));
        return { ...image, provenance: digest };
      } catch (error) {
        facts.say(`no provenance for ${image.repository}@${image.digest}: ${messageOf(error)}`);
        return image;
      }
    }),
  );
  await confirmAttached(attached, facts);
  return attached;
}

async function attachSigned(
  repository: Repository,
  subject: AttachedTo,
  statement: Statement,
  { signer, say }: OriginFacts,
) {
  if (signer === undefined) return undefined;
  let bundle: Uint8Array;
  try {
    bundle = await signer.bundle(Buffer.from(canonicalJson(statement)));
  } catch (error) {
    say(`the provenance of ${repository.name}@${subject.digest} is not signed: ${messageOf(error)}`);
    return undefined;
  }
  return attachBundle(repository, subject, bundle, statement.predicateType);
}

/** Looks again, at the end, whether the lists of referrers have kept what was attached, and tells what they have not. */
async function confirmAttached(images: readonly BuiltImage[], facts: OriginFacts): Promise<void> {
  const attached = images.filter(({ provenance }) => provenance !== undefined);
  const repositories = new Set(attached.map(({ repository }) => repository));
  const looks = [...repositories].map(async (name) => {
    try {
      for (const lost of (await facts.open(name).confirmReferrers?.()) ?? []) {
        facts.say(`${name}: others keep overwriting the list of referrers that ${lost} belongs into`);
      }
    } catch (error) {
      facts.say(`whether ${name} lists the provenance that was attached is unknown: ${messageOf(error)}`);
    }
  });
  await Promise.all(looks);
}

/**
 * Whether an image may have been there before: a step can name any that a registry holds, and what is attached to it is
 * attached with the rights of whoever builds. Where images of the build go anyway, it could have pushed it as well.
 */
function isMereClaim({ seenBy, repository, build }: BuiltImage, plan: BuildPlan): boolean {
  if (seenBy.some((one) => one !== "step")) return false;
  const { destination } = plan;
  if (destination.kind === "embedded") return true;
  if (destination.kind === "registry") return !repository.startsWith(`${destination.prefix}/`);
  const planned = plan.builds.find(({ name }) => name === build);
  const project = planned?.build.substitutions.PROJECT_ID;
  const isOfProject = project !== undefined && repository.split("/")[1] === project;
  const folderOf = (path: string) => path.slice(0, path.lastIndexOf("/") + 1);
  return !isOfProject && !planned?.pushes.some((push) => folderOf(push.repository) === folderOf(repository));
}

function buildFacts(image: BuiltImage, facts: OriginFacts, finishedAt: Date) {
  const { plan, outcomes, run, ref, startedAt, secrets } = facts;
  const { repository, commit, isDirty } = plan.source;
  const planned = plan.builds.find(({ name }) => name === image.build);
  const images = outcomes
    .filter(({ name }) => name === image.build)
    .flatMap(({ steps }) => steps.flatMap((step) => (step.image === undefined ? [] : [step.image])));
  const platforms = planned?.actions.flatMap((action) =>
    action.kind === "native" && action.action?.kind === "build" ? action.action.platforms : [],
  );
  return {
    subjects: [{ name: image.repository, digest: image.digest }],
    source: { repository, ref, commit, isDirty },
    config: plan.source.configPath,
    substitutions: planned?.build.substitutions ?? {},
    variant: plan.builds.length > 1 ? image.build : undefined,
    platforms: platforms?.length ? [...new Set(platforms)] : undefined,
    engine: plan.engineVersion === undefined ? plan.engine : `${plan.engine} ${plan.engineVersion}`,
    images: distinct(images),
    run,
    version: packageJson.version,
    startedAt,
    finishedAt,
    secrets,
  };
}

function distinct(images: readonly { readonly name: string; readonly digest: Digest }[]) {
  return [...new Map(images.map((image) => [`${image.name}@${image.digest}`, image])).values()];
}
