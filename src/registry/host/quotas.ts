import { type Pace, type Quota, RateLimiter, type RateLimitOf } from "../../http/index.ts";
import type { HostSettings } from "../../settings/index.ts";
import type { RequestKind } from "../events.ts";
import { entryFor, knownHosts } from "./known-hosts.ts";

/** A quota, and the requests that count towards it; without kinds, all. */
export interface QuotaOf extends Quota {
  readonly kinds?: readonly RequestKind[];
}

/** What a provider has published, or its registry says itself, of how often it may be asked. */
interface Entry {
  readonly hosts: RegExp;
  readonly quotas: readonly QuotaOf[];
  readonly sources: readonly string[];
  readonly read: string;
}

const second = 1_000;
const minute = 60 * second;

const beginnings: readonly RequestKind[] = ["upload-start", "mount"];
const writes: readonly RequestKind[] = [
  ...beginnings,
  "upload-data",
  "upload-status",
  "upload-cancel",
  "manifest-put",
  "delete",
];

/** InitiateLayerUpload and CompleteLayerUpload, so many, and PutImage; reading may be done by the thousand. */
const amazons = (layers: number): readonly QuotaOf[] => [
  { kinds: beginnings, requests: layers, milliseconds: second },
  { kinds: ["upload-data"], requests: layers, milliseconds: second },
  { kinds: ["manifest-put"], requests: 10, milliseconds: second },
];

/**
 * Quotas that one client may reach. Where there is no entry, the pace is learnt from what the host refuses, so entries
 * are only for what is written down in numbers. That is not so of
 *
 * - Docker Hub: its limits count pulls in hours, not requests (https://docs.docker.com/docker-hub/usage/pulls/): a pull
 *   is a `GET` of a manifest, which is why tags are asked after with `HEAD`; for requests there is only "thousands a
 *   minute";
 * - Azure: what it publishes for each tier are least values, not limits
 *   (https://learn.microsoft.com/azure/container-registry/container-registry-skus);
 * - Quay: "a few requests a second, with bursts" (https://access.redhat.com/solutions/6218921);
 * - GitLab: the limits of gitlab.com are not those of registry.gitlab.com
 *   (https://docs.gitlab.com/user/gitlab_com/rate_limits/); it says Retry-After.
 */
export const entries: readonly Entry[] = [
  {
    // A project has 60,000 a minute in each region, for everybody: what a promotion takes of them, those who pull lack.
    // A project may set a limit for each user; the one behind registry.k8s.io has set this one.
    hosts: knownHosts.artifactRegistry,
    quotas: [{ requests: 5_000, milliseconds: minute }],
    sources: [
      "https://cloud.google.com/artifact-registry/quotas",
      "https://github.com/kubernetes/registry.k8s.io/issues/153",
      "https://github.com/kubernetes/k8s.io/pull/5174",
    ],
    read: "2026-11-25",
  },
  {
    hosts: knownHosts.ecr,
    quotas: amazons(100),
    sources: ["https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html"],
    read: "2026-11-25",
  },
  {
    hosts: knownHosts.ecrPublic,
    quotas: amazons(10),
    sources: ["https://docs.aws.amazon.com/AmazonECR/latest/public/public-service-quotas.html"],
    read: "2026-11-25",
  },
  {
    // GitHub publishes nothing; the numbers are what its registry says when it refuses.
    hosts: knownHosts.gitHub,
    quotas: [
      { kinds: writes, requests: 2_000, milliseconds: minute },
      { requests: 44_000, milliseconds: minute },
    ],
    sources: [
      "https://github.com/chainguard-images/images/issues/173",
      "https://github.com/dependabot/cli/issues/380",
    ],
    read: "2026-11-25",
  },
];

/** The pace of a quota. Its name is that of the host, with a number where the host has several. */
export type PaceOf = (name: string, quota: Quota) => Pace;

/** How often a host may be asked: by the user's settings, or else by what its provider has published; nothing where neither says it. */
export function quotasOf(
  host: string,
  { requestsPerSecond }: Pick<HostSettings, "requestsPerSecond">,
): readonly QuotaOf[] {
  if (requestsPerSecond !== undefined) return [{ requests: requestsPerSecond, milliseconds: second }];
  return entryFor(entries, host)?.quotas ?? [];
}

/** The rate limiters that requests to a host keep to: the user's, or else what its provider has published. */
export function rateLimitersFor(
  host: string,
  settings: HostSettings,
  paceOf: PaceOf = (_, quota) => new RateLimiter(quota),
): readonly RateLimitOf<RequestKind>[] {
  return quotasOf(host, settings).map(({ kinds, ...quota }, at) => ({
    kinds: kinds === undefined ? undefined : new Set(kinds),
    limiter: paceOf(at === 0 ? host : `${host} ${at}`, quota),
  }));
}
