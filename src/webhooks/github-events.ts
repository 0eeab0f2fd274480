import * as z from "zod/mini";
import {
  addressesOf,
  commentId,
  name,
  nothingSaid,
  type PayloadContent,
  pullNumber,
  type Reader,
  reader,
  text,
} from "./forge-events.ts";
import type { RegistryHint } from "./model.ts";

const repository = z.object({ clone_url: text, html_url: text, ssh_url: text, git_url: text });

function inRepository(found: z.infer<typeof repository>): PayloadContent {
  const { clone_url, html_url, ssh_url, git_url } = found;
  return { ...nothingSaid, repositoryUrls: addressesOf([clone_url, html_url, ssh_url, git_url]) };
}

const push = reader(z.object({ ref: name, repository }), (found) => ({
  ...inRepository(found.repository),
  refs: [found.ref],
}));

/** Of a ref that was made or deleted, the short name and its kind. */
const ref = reader(
  z.object({ ref: name, ref_type: z.enum(["branch", "tag", "repository"]), repository }),
  (found) => ({
    ...inRepository(found.repository),
    refs:
      found.ref_type === "repository"
        ? []
        : [
            found.ref.startsWith("refs/")
              ? found.ref
              : `refs/${found.ref_type === "tag" ? "tags" : "heads"}/${found.ref}`,
          ],
  }),
);

const pull = reader(z.object({ pull_request: z.object({ number: pullNumber }), repository }), (found) => ({
  ...inRepository(found.repository),
  pull: found.pull_request.number,
}));

/** A comment is under a pull request where GitHub gives its address, or Gitea says so. */
const comment = reader(
  z.object({
    action: z.string(),
    issue: z.object({ number: pullNumber, pull_request: z.optional(z.unknown()) }),
    is_pull: z.optional(z.boolean()),
    comment: z.object({ id: commentId }),
    repository,
  }),
  (found) => {
    const isPull = found.is_pull ?? (found.issue.pull_request ?? undefined) !== undefined;
    // Commands are those of new comments: whoever may edit one could give a command in the name of its author.
    if (!isPull || found.action !== "created") return nothingSaid;
    const { id } = found.comment;
    return { ...inRepository(found.repository), pull: found.issue.number, comment: { id: String(id) } };
  },
);

/** GitHub's registry (`package`, earlier `registry_package`). The name of a version is its digest. */
const packageVersion = z.object({
  version: text,
  package_url: text,
  container_metadata: z.nullish(z.object({ tag: z.nullish(z.object({ name: text, digest: text })) })),
});
const githubPackage = z.object({
  name,
  namespace: text,
  package_type: z.string(),
  package_version: z.nullish(packageVersion),
});

function githubHint(found: z.infer<typeof githubPackage>): readonly RegistryHint[] {
  if (found.package_type.toLowerCase() !== "container") return [];
  const version = found.package_version;
  const tag = version?.container_metadata?.tag;
  return [
    {
      registry: "ghcr.io",
      repository: (found.namespace ? `${found.namespace}/${found.name}` : found.name).toLowerCase(),
      tag: tag?.name || undefined,
      digest: [tag?.digest, version?.version].find((digest) => digest?.startsWith("sha256:")) ?? undefined,
    },
  ];
}

const githubPackageEvent = reader(
  z.union([z.object({ package: githubPackage }), z.object({ registry_package: githubPackage })]),
  (found) => ({
    ...nothingSaid,
    registry: githubHint("package" in found ? found.package : found.registry_package),
  }),
);

/** The registry of a Gitea is at the Gitea itself. */
const giteaPackage = reader(
  z.object({
    package: z.object({
      name,
      type: z.string(),
      version: name,
      html_url: text,
      owner: z.object({ login: name }),
    }),
  }),
  ({ package: found }) => {
    if (found.type !== "container") return nothingSaid;
    const host = found.html_url && URL.canParse(found.html_url) ? new URL(found.html_url).host : undefined;
    const isDigest = found.version.startsWith("sha256:");
    return {
      ...nothingSaid,
      registry: [
        {
          registry: host,
          repository: `${found.owner.login}/${found.name}`.toLowerCase(),
          tag: isDigest ? undefined : found.version,
          digest: isDigest ? found.version : undefined,
        },
      ],
    };
  },
);

const shared: Readonly<Record<string, Reader>> = {
  push,
  create: ref,
  delete: ref,
  pull_request: pull,
  pull_request_review: pull,
  issue_comment: comment,
};

/** https://docs.github.com/webhooks/webhook-events-and-payloads */
export const githubEvents: ReadonlyMap<string, Reader> = new Map(
  Object.entries({ ...shared, package: githubPackageEvent, registry_package: githubPackageEvent }),
);

/** https://docs.gitea.com/usage/webhooks; what was reviewed, labelled or requested has events of its own here. */
export const giteaEvents: ReadonlyMap<string, Reader> = new Map(
  Object.entries({
    ...shared,
    pull_request_sync: pull,
    pull_request_label: pull,
    pull_request_approved: pull,
    pull_request_rejected: pull,
    pull_request_review_approved: pull,
    pull_request_review_rejected: pull,
    package: giteaPackage,
  }),
);
