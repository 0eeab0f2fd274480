import type { IdentitySetting } from "../clouds/index.ts";
import type { ForgeSettings } from "../forge/index.ts";
import type { TlsFiles } from "../http/index.ts";
import type { SecretManagerSetting, SecretSetting } from "../secrets/index.ts";
import type { TrustSettings } from "./trust-model.ts";

/** Settings that outlive a command line: the contents of `waybill.yaml`, paths made absolute. */
export interface Settings {
  /** By `host` or `host:port`, lower case. */
  readonly hosts: Readonly<Record<string, HostSettings>>;
  readonly locations: readonly Location[];
  readonly credentials: readonly CredentialRule[];
  /** Who this process is at clouds, by the names that credentials refer to. */
  readonly identities: Readonly<Record<string, IdentitySetting>>;
  /** Who keeps secrets, by the names that references to secrets begin with. */
  readonly secretManagers: Readonly<Record<string, SecretManagerSetting>>;
  /** By `host` or `host:port`, lower case. */
  readonly forges: ForgeSettings;
  /** What is promoted together when a version is cut, by the names of the user's own profiles. */
  readonly releases: Readonly<Record<string, ReleaseProfile>>;
  /** Where new projects are promoted to, by the names of sets. */
  readonly destinations: Readonly<Record<string, DestinationSet>>;
  readonly runs: RunSettings;
  readonly serve: ServeSettings;
  readonly trust: TrustSettings;
}

/** How `waybill serve` works, unless its command line says so. */
export interface ServeSettings {
  /** Absolute: the embedded database, records, mirrors of repositories. */
  readonly data?: string;
  /** URL of a PostgreSQL server, in place of the embedded database; without a password. */
  readonly database?: string;
  /** Absolute path of a file that holds that URL, with its password. */
  readonly databaseFile?: string;
  /** Where else that URL is kept: a reference to a secret. */
  readonly databaseFrom?: string;
  /** Where records are kept when their runs have ended: an absolute folder, or `s3://BUCKET/PREFIX`. */
  readonly objects?: string;
  /** Whose keys a bucket is written with: an identity of AWS, or `aws`. */
  readonly objectsIdentity?: string;
  /** `host:port`. */
  readonly listen?: string;
  /** The address that people know it by: a scheme and a host. */
  readonly publicUrl?: string;
  /** Addresses, and networks as `10.0.0.0/8`, of proxies that are believed about where a request comes from. */
  readonly trustedProxies?: readonly string[];
  readonly jobs?: JobsPlace;
  /** Seconds for which a process that stops still answers requests, so that a balancer has time to send them elsewhere. */
  readonly drainSeconds?: number;
  /** What the mirror of one repository may take of the disk. */
  readonly maxMirrorBytes?: number;
  /** Runs that a process carries out at the same time. */
  readonly concurrency?: number;
  /** How many runs with a label of capacity go on at the same time, by the label. */
  readonly capacities?: Readonly<Record<string, number>>;
  /** How long records are kept: for each job the first rule that names it, or names none. */
  readonly retention?: readonly RetentionSetting[];
  /** Buckets in Prow's layout whose runs are shown as well, by the names that they have on pages: a folder, `gs://`, `s3://` or `https://`. */
  readonly prowBuckets?: Readonly<Record<string, string>>;
  /** Those who may send webhooks, by the name that is a part of their address: where their secrets are. */
  readonly webhooks?: Readonly<Record<string, readonly SecretSetting[]>>;
  /** Who may what: read by whoever knows its shape. */
  readonly access?: WrittenSection;
  /** Who is told of what becomes of jobs. */
  readonly notifications?: WrittenSection;
  /**
   * What a run shows to registries that only reads: the review of a pull request, and whatever a job does in its shadow. Nothing when
   * it is left out; those of {@link Settings.credentials} never.
   */
  readonly readingCredentials?: readonly CredentialRule[];
  /**
   * The identity that secrets are read as which build files name in Google's Secret Manager: whoever writes to a repository that is built
   * chooses which. They are not read without it.
   */
  readonly buildSecrets?: string;
  /** What the runs of a job show to registries, by the job's name, in place of {@link Settings.credentials} and other tools' files. */
  readonly jobCredentials?: Readonly<Record<string, readonly CredentialRule[]>>;
}

/** Where job files are: a folder, or a folder of a branch that is trusted. */
export type JobsPlace =
  /** Absolute. */
  | { readonly folder: string }
  | {
      /** URL, without a password. */
      readonly repo: string;
      readonly branch: string;
      /** In the repository; its top when left out. */
      readonly path?: string;
    };

/** Bounds of what is kept of a job's runs. */
export interface RetentionSetting {
  /** All jobs when left out. */
  readonly job?: string;
  readonly maxDays?: number;
  readonly maxRuns?: number;
  readonly maxBytes?: number;
}

/** A part of a settings file whose shape another room knows: `readSection` reads it. */
export interface WrittenSection {
  /** `file:line`, for messages. */
  readonly where: string;
}

/** Whether and where runs of commands are recorded, unless the command line says so. */
export interface RunSettings {
  readonly record?: boolean;
  /** Absolute. */
  readonly folder?: string;
}

/** How to talk to one registry host. */
export interface HostSettings {
  /** Plain HTTP. Without it, only loopback addresses are spoken to without TLS. */
  readonly http?: boolean;
  readonly tls?: TlsFiles;
  /** Requests at the same time, at most; how many there really are follows what the host bears. */
  readonly concurrency?: number;
  readonly requestsPerSecond?: number;
  /** Attempts after the first one. */
  readonly retries?: number;
  /** Upload blobs in chunks of so many bytes instead of in one piece; `chunkSize` in the file. */
  readonly chunkBytes?: number;
  /** How the bytes of a blob go out: in the `PUT` that ends its upload, or in one `PATCH` before it. */
  readonly upload?: "whole" | "one-patch";
  /** Other origins that may issue tokens for this host and so see its credentials, such as `https://auth.example.com`. */
  readonly tokenOrigins?: readonly string[];
  /** Addresses this registry may send us to although they are private or link-local, such as `10.0.0.0/8`. */
  readonly allowPrivateAddresses?: boolean;
}

/**
 * Where repositories really are: a name prefix, matched by whole path segments, the longest first. `at` is another
 * prefix (`localhost:5000/mirror`) or a folder of image layouts (`oci:/mnt/usb`, absolute).
 */
export interface Location {
  readonly repository: string;
  readonly at: string;
}

/**
 * Credentials for a host or for a path on it, matched by whole path segments, the longest first. A host that begins with `*.` stands for
 * all hosts below, where no rule names one itself. Secrets stay outside the file.
 */
export interface CredentialRule {
  readonly repository: string;
  readonly username?: string;
  readonly passwordFile?: string;
  readonly passwordEnv?: string;
  /** Where else it is kept: a reference to a secret. */
  readonly passwordFrom?: string;
  /** Name of a Docker credential helper, without `docker-credential-`. */
  readonly helper?: string;
  /** Name of one of {@link Settings.identities}, or of a cloud: what the registry is shown is got from that cloud. */
  readonly identity?: string;
  readonly anonymous?: boolean;
  /** `file:line` of the rule, for messages about the credential it gives. */
  readonly where?: string;
}

/**
 * What is being cut: an alpha, a beta, the release candidate 0 of a new minor version, any other release candidate, or a
 * version that is none of these.
 */
export type ReleaseCut = "alpha" | "beta" | "first-rc" | "rc" | "stable";

/**
 * Tags that are promoted with a version, for each kind of cut, as templates such as `v{major}.{minor}.{patch+1}-rc.0`. The
 * version's own tag always comes first, and alone where nothing is said.
 */
export interface ReleaseProfile extends Readonly<Partial<Record<ReleaseCut, readonly string[]>>> {
  /** Each tag has a pull request of its own. */
  readonly separately?: boolean;
}

/**
 * Registries that many projects are promoted to, and how such projects are named. The texts are templates: `{name}` stands
 * for the short name of a project.
 */
export interface DestinationSet {
  readonly registries: readonly DestinationTemplate[];
  /** The staging registry of a project: `gcr.io/k8s-staging-{name}`. */
  readonly source?: string;
  /** The folder of a project below `images/` and `manifests/`; its name alone by default. */
  readonly folder?: string;
}

/** A production registry of a {@link DestinationSet}. */
export interface DestinationTemplate {
  /** Such as `us.gcr.io/k8s-artifacts-prod/{name}`. */
  readonly name: string;
  /** Whom `cip` and `kpromo` write there as. */
  readonly serviceAccount?: string;
}

/** No settings at all: every host at its defaults. */
export const defaultSettings: Settings = {
  hosts: {},
  locations: [],
  credentials: [],
  identities: {},
  secretManagers: {},
  forges: {},
  releases: {},
  destinations: {},
  runs: {},
  serve: {},
  trust: {},
};
