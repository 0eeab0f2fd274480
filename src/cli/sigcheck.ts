import { messageOf, shellLine } from "../errors/index.ts";
import type { CheckedImage, SignatureCheck } from "../promotion/index.ts";
import type { Registries } from "../registry/index.ts";
import type { SignerIdentity } from "../signing/index.ts";
import type { ImageSigning } from "../trust/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { interruptible } from "./interruption.ts";
import { readForWork } from "./manifests.ts";
import { asJson, deliver } from "./output.ts";
import { withProgress } from "./registries.ts";
import { statusOf } from "./report.ts";
import { selectionOf, withSelection } from "./selection.ts";
import { againWords, type Session } from "./session.ts";
import { printSignatureCheck } from "./sigcheck-text.ts";
import { signingFor } from "./signing.ts";
import { trustFor } from "./trust.ts";
import { type Blank, how, type OptionsOf, verb } from "./verb.ts";

const define = (command: Blank) =>
  withSelection(
    command.argument(
      "[images...]",
      "images of production; all that a tree of manifests asks for, when left out",
    ),
  )
    .addOption(
      how.common("--manifests <tree>", "folder of thin manifests, or one plain manifest").default("."),
    )
    .addOption(how.common("--confirm", "sign what is not signed"))
    .addOption(
      how("--certificate-identity <identity>", "whose signatures are looked for, in place of our own"),
    )
    .addOption(how("--certificate-oidc-issuer <url>", "who says that it is this identity"));

type Options = OptionsOf<typeof define>;

export const sigcheck = verb({
  name: "sigcheck",
  summary: "check that images in production are signed as rules ask",
  description:
    "check that images in production have the signatures, records and summaries that rules ask for, and verify each",
  examples: [
    ["waybill sigcheck --manifests registry.k8s.io", "all that the manifests ask for"],
    ["waybill sigcheck --manifests registry.k8s.io --confirm", "sign what is not signed, however old it is"],
    ["waybill sigcheck registry.example.com/app:v1", "one image"],
  ],
  exits: {
    [exitCodes.asDesired]: "everything is signed as the rules ask, or is now",
    [exitCodes.notAsDesired]: "something is not signed, could not be read, or could not be signed",
  },
  page: "signatures.md",
  define,
  run,
});

async function run(session: Session, images: readonly string[], options: Options): Promise<ExitCode> {
  if (images.length > 0 && (await selectionOf(options)) !== undefined)
    throw new UsageError(
      "images by name, and what selects of manifests, exclude each other",
      "name the images, or leave them out and select",
    );
  const as = identityOf(options);
  const { trust: settings } = await session.settings();
  if (as !== undefined && settings.trustedRoot === undefined)
    throw new UsageError(
      "--certificate-identity needs a trusted root: nothing else says whose certificates count",
      "name a trusted_root.json under trust.trustedRoot of waybill.yaml; waybill inspect --referrers shows what hangs there",
    );
  const signing = await signingFor(session, options.manifests, as);
  if (signing === undefined) {
    throw new UsageError(
      "nothing says what is to be signed",
      "say it in trust.sign of waybill.yaml, or name whose signatures to look for with --certificate-identity",
    );
  }
  const { checkSignatures } = await import("../promotion/index.ts");
  return interruptible(session, (interruption) => {
    const shown = { title: "Looking at signatures", interruption, finishes: true };
    return withProgress(session, shown, async (registries, progress) => {
      const report = await checkSignatures({
        ...(await askedFor(session, images, options, registries, signing)),
        open: registries.repository,
        signing,
        confirm: options.confirm ?? false,
        listener: progress.listener,
        signal: interruption.stop,
      });
      progress.end();
      await deliver(session, {
        text: async (terminal) => {
          await printSignatureCheck(terminal, report);
          if (!report.dryRun || report.counts.pending === 0) return;
          const line = shellLine(["waybill", "sigcheck", ...againWords(session), "--confirm"]);
          terminal.print(`nothing was written; this signs what is not signed: ${line}`);
        },
        json: () => asJson(report),
      });
      return statusOf(report);
    });
  });
}

/** @throws {UsageError} for half an identity: nobody is who they say without somebody who says so. */
function identityOf({
  certificateIdentity: identity,
  certificateOidcIssuer: issuer,
}: Options): SignerIdentity | undefined {
  if (identity === undefined && issuer === undefined) return undefined;
  if (identity === undefined || issuer === undefined) {
    throw new UsageError(
      "--certificate-identity and --certificate-oidc-issuer go together",
      "anybody can have an identity that somebody else says is theirs",
    );
  }
  return { kind: "certificate", identity, issuer };
}

/**
 * What is looked at. Which policies are about an image by name, and so whether it has a summary, the manifests say that ask for it.
 * @throws {UsageError}
 */
async function askedFor(
  session: Session,
  images: readonly string[],
  options: Options,
  registries: Registries,
  signing: ImageSigning,
): Promise<Pick<SignatureCheck, "of" | "manifests" | "trust">> {
  if (images.length > 0) {
    if (options.confirm === true) await refuseUnjudged(session, options.manifests);
    const of = await Promise.all(images.map((image) => namedImage(image, registries, signing)));
    if (of.every(({ repository }) => signing.ruleOf(repository)?.summary === undefined)) return { of };
    const { edgesOf } = await import("../edges/index.ts");
    const { readManifests } = await import("../manifest/index.ts");
    const tree = await readManifests(options.manifests);
    return { of, manifests: edgesOf(tree.manifests), trust: await trustFor(session, tree, registries) };
  }
  const { scopeOf } = await import("../promotion/index.ts");
  const selection = await selectionOf(options);
  const tree = await readForWork(options.manifests, session, selection);
  return {
    of: scopeOf(tree, { selection }).edges,
    trust: await trustFor(session, tree, registries),
  };
}

/**
 * Images by name are signed where no policy could stand against it: what a policy is about takes a manifest to know.
 * @throws {UsageError} where there are policies, or may be.
 */
async function refuseUnjudged(session: Session, manifests: string): Promise<void> {
  const { trust } = await session.settings();
  const { readManifests } = await import("../manifest/index.ts");
  const tree = await readManifests(manifests, { imagesOf: () => false });
  const hasPolicies =
    trust.policy !== undefined ||
    tree.policyFile !== undefined ||
    tree.unreadable.length > 0 ||
    tree.manifests.some(({ provenance }) => provenance !== undefined);
  if (!hasPolicies) return;
  throw new UsageError(
    "images by name are not signed where there are policies: these are about what manifests ask for",
    "leave the names out, and select with --to: what policies hold back is not signed then",
  );
}

/** @throws {UsageError} for what is no image there, or what no rule means. */
async function namedImage(
  text: string,
  registries: Registries,
  signing: ImageSigning,
): Promise<CheckedImage> {
  const { parseReference } = await import("../oci/index.ts");
  const { repository, tag, digest } = parseReference(text);
  const target = digest ?? tag;
  if (target === undefined) throw new UsageError(`${text} has neither a tag nor a digest`);
  if (signing.ruleOf(repository) === undefined)
    throw new UsageError(`no rule of trust.sign is about ${repository}`, "its images are not to be signed");
  const found = await registries
    .repository(repository)
    .resolve(target)
    .catch((error: unknown) => {
      throw new UsageError(`${text} could not be read: ${messageOf(error)}`);
    });
  if (found === undefined) throw new UsageError(`${text} is not there`);
  return { repository, digest: found.digest, tags: tag === undefined ? [] : [tag] };
}
