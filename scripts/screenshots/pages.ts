import type { KubernetesWorld } from "./kubernetes.ts";

/** A page that a picture is taken of. */
export interface PicturedPage {
  /** What its file is called by. */
  readonly name: string;
  readonly path: string;
  /** Widths beside 1280, in light alone. */
  readonly alsoAt?: readonly number[];
}

/** All pages, each with an address that shows much of it. */
export function pagesOf({ runs, review }: KubernetesWorld): readonly PicturedPage[] {
  const image = "/images/gcr.io/k8s-staging-apisnoop/snoopdb";
  return [
    { name: "now", path: "/", alsoAt: [360] },
    { name: "runs", path: "/runs", alsoAt: [360] },
    { name: "run", path: `/runs/${runs.build}` },
    { name: "promotion", path: `/runs/${runs.promotion}/promotion`, alsoAt: [360] },
    { name: "promotion-unread", path: `/runs/${runs.unread}/promotion` },
    { name: "log", path: `/runs/${runs.build}/log`, alsoAt: [360] },
    { name: "log-failed", path: `/runs/${runs.failedBuild}/log` },
    { name: "jobs", path: "/jobs" },
    { name: "job", path: "/jobs/post-k8sio-image-promo" },
    { name: "find", path: "/find?q=snoopdb" },
    { name: "images", path: "/images" },
    { name: "image", path: image },
    { name: "life", path: `${image}:v20240606-1.2.0`, alsoAt: [360] },
    { name: "production", path: "/production", alsoAt: [360] },
    { name: "production-project", path: "/production/projects/k8s-staging-apisnoop" },
    { name: "drift", path: "/production/drift" },
    { name: "hosts", path: "/production/hosts" },
    { name: "reviews", path: "/reviews" },
    { name: "review", path: `/reviews/${review}`, alsoAt: [360] },
    { name: "settings", path: "/settings" },
    { name: "settings-jobs", path: "/settings/jobs" },
    { name: "settings-remotes", path: "/settings/remotes" },
    { name: "settings-destinations", path: "/settings/destinations" },
    { name: "settings-people", path: "/settings/people" },
    { name: "settings-tokens", path: "/settings/tokens" },
    { name: "settings-audit", path: "/settings/audit" },
    { name: "settings-server", path: "/settings/server" },
  ];
}
