import { realpath } from "node:fs/promises";
import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { readNamed } from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";
import { describeCheckout, GitError } from "../git/index.ts";
import type { TrustSettings } from "../settings/index.ts";
import {
  openSigner,
  type Signer,
  type SignerIdentity,
  SigningError,
  type SigningServices,
} from "../signing/index.ts";
import { readTrustedRoot, SigstoreError, sigstoreLimits, type TrustedRoot } from "../sigstore/index.ts";
import { type ImageSigning, knownSigner, openSigning, type SigningFacts } from "./signing.ts";

/** Who promotes, in records, and who verifies, in summaries: the program, and no machine. */
const waybill = "pkg:generic/waybill";

/** What is signed by the settings, and what records say of the run. */
export interface SigningQuestion extends SigningServices {
  readonly settings: TrustSettings;
  /** The folder or file of the manifests, or where they are in Git. */
  readonly manifests: string | NonNullable<SigningFacts["manifests"]>;
  /** The run that promotes; where it is left out, what the environment says of one, as Prow does. */
  readonly job?: SigningFacts["job"];
  /** Whose signatures count in place of those of the signers: they need no token then, and sign nothing. */
  readonly as?: SignerIdentity | undefined;
}

/**
 * What promotion signs, as the settings say; `undefined` where they ask for nothing. Keys are read, and services asked, when
 * something is signed.
 * @throws {TrustError} for rules that make no sense, and {@link SigstoreError} for a trusted root that cannot be read.
 */
export async function signingBySettings({
  settings,
  manifests,
  job,
  as,
  ...services
}: SigningQuestion): Promise<ImageSigning | undefined> {
  const { trustedRoot } = settings;
  const { sign: given = [], signers = {} } = settings;
  const rules = given.length === 0 && as !== undefined ? [{ signer: notOurs }] : given;
  if (rules.length === 0) return undefined;
  const root = trustedRoot === undefined ? undefined : await rootIn(trustedRoot);
  const known = Object.entries({ ...(given.length === 0 ? { [notOurs]: {} } : {}), ...signers }).map(
    ([name, signer]) => {
      const opened = as === undefined ? openSigner(name, signer, services) : readOnlySigner(name, as);
      return [name, knownSigner(opened, root)] as const;
    },
  );
  return openSigning(rules, new Map(known), {
    time: services.now?.() ?? new Date(),
    promoter: { uri: waybill, version: packageJson.version },
    job: job ?? jobIn(services.environment),
    verifier: { id: waybill, version: { waybill: packageJson.version } },
    manifests: typeof manifests === "string" ? await manifestsIn(manifests, services.environment) : manifests,
  });
}

/** What a signer is called that is only known by its identity. */
const notOurs = "certificate";

/** Stands for somebody whose signatures are looked for. */
function readOnlySigner(name: string, identity: SignerIdentity): Signer {
  const refuse = async (): Promise<never> => {
    throw new SigningError("signer-unavailable", "its signatures are only looked for here", {
      where: name,
      hint: "leave out --certificate-identity to sign as trust.signers of waybill.yaml says",
    });
  };
  const ways = { bundle: refuse, simpleSigning: refuse, envelope: refuse };
  return { name, identity: async () => identity, ...ways };
}

async function rootIn(file: string): Promise<TrustedRoot> {
  try {
    return await readTrustedRoot((await readNamed(file, sigstoreLimits.trustedRootBytes)).bytes, file);
  } catch (cause) {
    if (cause instanceof SigstoreError) throw cause;
    const message = `the file cannot be read: ${messageOf(cause)}`;
    throw new SigstoreError("invalid-trusted-root", message, { where: file, cause });
  }
}

/** The run that promotes, as Prow and those who do as it does name runs. */
function jobIn({ JOB_NAME, JOB_TYPE, BUILD_ID, PROW_JOB_ID }: NodeJS.ProcessEnv): SigningFacts["job"] {
  if (!JOB_NAME) return undefined;
  return {
    name: JOB_NAME,
    type: JOB_TYPE || undefined,
    buildId: BUILD_ID || undefined,
    prowJobId: PROW_JOB_ID || undefined,
  };
}

/** Where manifests are in Git. Manifests that are not as they were committed are of no commit. */
async function manifestsIn(
  path: string,
  environment: NodeJS.ProcessEnv,
): Promise<SigningFacts["manifests"] | undefined> {
  try {
    const there = await realpath(path);
    const isFile = /\.ya?ml$/.test(there);
    const folder = isFile ? dirname(there) : there;
    const { root, commit, isDirty, origin } = await describeCheckout(folder, {}, environment);
    const top = await realpath(root);
    const pathOf = (file: string): string => {
      const [whole, given] = [resolve(file), resolve(path)];
      const inside = isAbsolute(file) || whole.startsWith(given) ? relative(given, whole) : file;
      return relative(top, resolve(there, inside)).split(sep).join("/");
    };
    return { pathOf, repository: origin, commit: isDirty ? undefined : commit };
  } catch (error) {
    if (error instanceof GitError) return undefined;
    throw error;
  }
}
