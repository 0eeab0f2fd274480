import { placeIn } from "../diagnostics/index.ts";
import { readNamed } from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";
import { type ManifestTree, type PoliciesBeside, readPolicyFile } from "../manifest/index.ts";
import {
  brokenPolicy,
  type PolicyFile,
  type PolicyFileContext,
  parsePolicyFile,
  provenancePolicies,
} from "../policy/index.ts";
import type { TrustSettings } from "../settings/index.ts";
import { type PublicKey, readPublicKey, SigstoreError, sigstoreLimits } from "../sigstore/index.ts";
import type { ImageTrust } from "./model.ts";
import { openTrust, type TrustServices } from "./open.ts";
import { travelRule } from "./travel.ts";
import { readVerifier } from "./verifier.ts";

/** What a run has to know to judge images. */
export interface TrustQuestion extends Pick<TrustServices, "open"> {
  /** Whose policies hold: those in promoter manifests, and those beside them. */
  readonly tree: Pick<ManifestTree, "manifests" | "policyFile" | "namedPolicy">;
  readonly settings: TrustSettings;
}

/**
 * What a run knows of trust, by the settings and the manifests that it is about. A policy file that cannot be read lets nothing
 * pass: nobody knows what it demands.
 * @throws {SigstoreError} for a key or a trusted root that the settings name and that cannot be read.
 */
export async function trustOf({ tree, settings, open }: TrustQuestion): Promise<ImageTrust> {
  const keys = await Promise.all(
    Object.entries(settings.keys ?? {}).map(([name, file]) => readKey(name, file)),
  );
  const context: PolicyFileContext = {
    now: new Date(),
    keys: Object.fromEntries(keys.map(({ name = "", fingerprint }) => [name, fingerprint])),
  };
  const files = [
    ...(tree.policyFile === undefined ? [] : [tree.policyFile]),
    ...(await namedIn(tree, settings)),
  ];
  const read = files.map((file) => ({ file: file.file, ...policiesIn(file, context) }));
  const inline = read.flatMap(({ file, keys: own }) =>
    Object.entries(own).map(([name, pem]) => readPublicKey(pem, file, name)),
  );
  return openTrust({
    open,
    travel: travelRule(settings),
    believesAnybody: settings.trustedRoot !== undefined || keys.length + inline.length > 0,
    verifier: await readVerifier({ trustedRoot: settings.trustedRoot }, [...keys, ...inline]),
    keys: keys.map(({ fingerprint }) => fingerprint),
    policies: [...provenancePolicies(tree.manifests), ...read.flatMap(({ policies }) => policies)],
    reports: files.flatMap(({ reports }) => reports),
    unreadReports: files.flatMap(({ unread }) => unread),
  });
}

/** The policies that the settings name: as the state has them that is looked at, or as they are on disk. */
async function namedIn(
  { namedPolicy }: TrustQuestion["tree"],
  { policy }: TrustSettings,
): Promise<readonly PoliciesBeside[]> {
  if (policy === undefined || namedPolicy === "none") return [];
  return [namedPolicy ?? (await readPolicyFile(policy))];
}

function policiesIn(
  { file, text }: PoliciesBeside,
  context: PolicyFileContext,
): Pick<PolicyFile, "policies" | "keys"> {
  if (typeof text === "string") return parsePolicyFile(text, file, context);
  const at = placeIn(file, { line: 1, column: 1 });
  return { policies: [brokenPolicy(at, `the file of policies ${file}: ${text.message}`)], keys: {} };
}

async function readKey(name: string, file: string): Promise<PublicKey> {
  try {
    const { bytes } = await readNamed(file, sigstoreLimits.keyFileBytes);
    return readPublicKey(bytes.toString("utf8"), file, name);
  } catch (cause) {
    if (cause instanceof SigstoreError) throw cause;
    const message = `the file cannot be read: ${messageOf(cause)}`;
    throw new SigstoreError("invalid-key", message, { where: file, cause });
  }
}
