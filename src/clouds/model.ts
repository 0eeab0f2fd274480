/** The clouds that vouch for this process at their registries and managers of secrets. */
export const clouds = ["google", "aws", "azure"] as const;
/** One of {@link clouds}. */
export type Cloud = (typeof clouds)[number];

/** Who this process is at a cloud: what is left out is found where that cloud's own tools look for it. */
export type IdentitySetting = GoogleIdentity | AwsIdentity | AzureIdentity;

/** What is the same of all identities. */
export interface CommonIdentity {
  /** What somebody else vouches for this process with, in place of what the environment has. */
  readonly token?: SubjectPlace;
  /** Registries (`host` or `host:port`) that are shown what comes of it, beside those that are known as that cloud's. */
  readonly hosts?: readonly string[];
  /** `file:line`, for messages. */
  readonly where?: string;
}

/** Who this process is at Google. */
export interface GoogleIdentity extends CommonIdentity {
  readonly cloud: "google";
  /** Absolute path of a JSON file: a key of a service account, or what `gcloud iam workload-identity-pools` has made. */
  readonly keyFile?: string;
  /** `projects/N/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`: needs {@link CommonIdentity.token}. */
  readonly provider?: string;
  /** The service account that is acted as. */
  readonly serviceAccount?: string;
}

/** Who this process is at Amazon. */
export interface AwsIdentity extends CommonIdentity {
  readonly cloud: "aws";
  /** The role that is assumed: with the token, or else with the keys that there are. */
  readonly role?: string;
  readonly region?: string;
}

/** Who this process is at Microsoft. */
export interface AzureIdentity extends CommonIdentity {
  readonly cloud: "azure";
  readonly tenant?: string;
  /** Id of the application, or of the managed identity. */
  readonly client?: string;
}

/** Where a token is that a CI system or a cluster has given to this process. */
export interface SubjectPlace {
  /** Asked from GitHub Actions, for this audience or the usual one of the cloud. */
  readonly github?: { readonly audience: string | undefined };
  /** Absolute. */
  readonly file?: string;
  readonly variable?: string;
}
