import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Delivery,
  isHint,
  readDelivery,
  recognize,
  replayDecision,
  type WebhookRefusal,
} from "../../src/webhooks/index.ts";

function read(headers: Readonly<Record<string, string>>, payload: unknown): Delivery | WebhookRefusal {
  const request = { headers: new Headers(headers) };
  const body = Buffer.from(typeof payload === "string" ? payload : JSON.stringify(payload));
  return readDelivery(request, body, { recognized: recognize(request.headers) }, { name: "here" });
}

const github = (event: string) => ({ "X-GitHub-Event": event, "X-GitHub-Delivery": "72d3162e-cc78-11e3" });
const gitea = (event: string) => ({ ...github(event), "X-Gitea-Event": event, "X-Gitea-Delivery": "g-1" });
const gitlab = (event: string) => ({ "X-Gitlab-Event": event, "Idempotency-Key": "i-1" });
const repository = {
  clone_url: "https://user:pass@git.example.org/k8s/test.git",
  html_url: "https://git.example.org/k8s/test",
  ssh_url: "git@git.example.org:k8s/test.git",
};
const urls = [
  "https://git.example.org/k8s/test.git",
  "https://git.example.org/k8s/test",
  "git@git.example.org:k8s/test.git",
];
const project = {
  git_http_url: "https://lab.example.org/k8s/test.git",
  git_ssh_url: "git@lab.example.org:k8s/test.git",
  web_url: "https://lab.example.org/k8s/test",
};

describe("who sends", () => {
  it("is told in the order in which forges send each other's headers", () => {
    const all = { ...gitea("push"), "X-Forgejo-Event": "push", "X-Forgejo-Delivery": "f-1" };
    expect(recognize(new Headers(all))).toEqual({ sender: "forgejo", event: "push", id: "f-1" });
    expect(recognize(new Headers(gitea("push")))).toEqual({ sender: "gitea", event: "push", id: "g-1" });
    expect(recognize(new Headers(github("push"))).sender).toBe("github");
    expect(recognize(new Headers({ ...gitlab("Push Hook"), "webhook-id": "w-1" }))).toEqual({
      ...{ sender: "gitlab", event: "Push Hook", id: "w-1" },
    });
    expect(recognize(new Headers({}))).toEqual({ sender: "registry", event: "", id: undefined });
  });

  it("is not named by what is no name", () => {
    const long = { "X-GitHub-Event": "push", "X-GitHub-Delivery": "x".repeat(201) };
    expect(recognize(new Headers(long)).id).toBeUndefined();
  });
});

describe("a forge's delivery", () => {
  it("of a push says which ref to look at, and no credential of an address", () => {
    const payload = { ref: "refs/tags/v1.0", before: "0".repeat(40), after: "1".repeat(40), repository };
    expect(read(github("push"), payload)).toEqual({
      ...{ source: "here", sender: "github", id: "72d3162e-cc78-11e3", event: "push" },
      ...{
        repositoryUrls: urls,
        refs: ["refs/tags/v1.0"],
        pull: undefined,
        comment: undefined,
        registry: [],
      },
    });
    expect(
      read(gitlab("Tag Push Hook"), { object_kind: "tag_push", ref: "refs/tags/v1", project }),
    ).toMatchObject({ sender: "gitlab", id: "i-1", refs: ["refs/tags/v1"] });
  });

  it("of a ref that was made or deleted names it in full", () => {
    expect(read(gitea("create"), { ref: "v1.0", ref_type: "tag", repository })).toMatchObject({
      refs: ["refs/tags/v1.0"],
    });
    expect(read(github("delete"), { ref: "a/b", ref_type: "branch", repository })).toMatchObject({
      refs: ["refs/heads/a/b"],
    });
  });

  it("of several refs at once names them all", () => {
    const update = { event_name: "repository_update", refs: ["refs/heads/a", "refs/tags/b"], project };
    expect(read(gitlab("System Hook"), update)).toMatchObject({ refs: ["refs/heads/a", "refs/tags/b"] });
  });

  it("of a pull request names it", () => {
    for (const event of ["pull_request", "pull_request_review"]) {
      const payload = {
        action: "synchronize",
        pull_request: { number: 7, head: { repo: null } },
        repository,
      };
      expect(read(github(event), payload)).toMatchObject({ pull: 7, repositoryUrls: urls });
      expect(read(gitea("pull_request_approved"), payload)).toMatchObject({ pull: 7 });
    }
    const merge = { object_kind: "merge_request", object_attributes: { iid: 3, action: "open" }, project };
    expect(read(gitlab("Merge Request Hook"), merge)).toMatchObject({ pull: 3, comment: undefined });
  });

  const comment = (action: string, more: object = {}) => ({
    action,
    issue: { number: 5, pull_request: { url: "https://x" } },
    comment: { id: 99, body: "/test all" },
    repository,
    ...more,
  });

  it("of a comment names it when it is new and under a pull request, and nothing of what it says", () => {
    const found = read(github("issue_comment"), comment("created"));
    expect(found).toMatchObject({ pull: 5, comment: { id: "99" } });
    expect(JSON.stringify(found)).not.toContain("/test all");
    expect(
      read(gitea("issue_comment"), comment("created", { is_pull: true, issue: { number: 5 } })),
    ).toMatchObject({ pull: 5, comment: { id: "99" } });
  });

  it("of a comment that was edited or deleted, or is under an issue, hints at nothing", () => {
    for (const payload of [
      comment("edited"),
      comment("deleted"),
      comment("created", { issue: { number: 5 } }),
      comment("created", { issue: { number: 5, pull_request: null } }),
      comment("created", { is_pull: false }),
    ]) {
      const found = read(github("issue_comment"), payload);
      expect("code" in found || isHint(found)).toBe(false);
    }
  });

  it("of a note names it by the same rules", () => {
    const note = (attributes: object) => ({
      object_kind: "note",
      object_attributes: { id: 12, noteable_type: "MergeRequest", ...attributes },
      merge_request: { iid: 4 },
      project,
    });
    expect(read(gitlab("Note Hook"), note({ action: "create" }))).toMatchObject({
      pull: 4,
      comment: { id: "12" },
    });
    expect(read(gitlab("Note Hook"), note({}))).toMatchObject({ comment: { id: "12" } });
    for (const other of [{ action: "update" }, { system: true }, { noteable_type: "Issue" }]) {
      expect(read(gitlab("Note Hook"), note(other))).toMatchObject({
        comment: undefined,
        repositoryUrls: [],
      });
    }
  });

  it.each([
    [github("ping"), { zen: "Anything added dilutes everything else." }],
    [github("star"), {}],
    [gitea("push_mirror"), []],
    [gitlab("Pipeline Hook"), { object_kind: "pipeline" }],
    [gitlab("Push Hook"), 5],
  ])("that means nothing here hints at nothing: %o", (headers, payload) => {
    const found = read(headers, payload);
    expect("code" in found || isHint(found)).toBe(false);
  });

  it.each([
    [github("push"), {}, "unexpected-shape"],
    [github("push"), { ref: "refs/heads/main" }, "unexpected-shape"],
    [github("push"), { ref: "", repository }, "unexpected-shape"],
    [github("pull_request"), { pull_request: { number: -1 }, repository }, "unexpected-shape"],
    [github("pull_request"), { pull_request: { number: "1" }, repository }, "unexpected-shape"],
    [github("push"), "{", "not-json"],
    [github("push"), "", "not-json"],
    [{ ...github("push"), "content-type": "application/x-www-form-urlencoded" }, "x=1", "not-json"],
    [github("push"), `${"[".repeat(100_000)}${"]".repeat(100_000)}`, "too-deep"],
  ])("that is malformed is refused: %o", (headers, payload, code) => {
    expect(read(headers, payload)).toMatchObject({ code, status: 400 });
  });

  it("in a form is read from it", () => {
    const headers = { ...github("push"), "content-type": "application/x-www-form-urlencoded" };
    const payload = new URLSearchParams({ payload: JSON.stringify({ ref: "refs/heads/ü", repository }) });
    expect(read(headers, payload.toString())).toMatchObject({ refs: ["refs/heads/ü"] });
  });

  it("of the registry of a forge names the image", () => {
    const digest = `sha256:${"a".repeat(64)}`;
    const published = {
      action: "published",
      package: {
        name: "App",
        namespace: "K8s",
        package_type: "CONTAINER",
        package_version: { version: digest, container_metadata: { tag: { name: "v1", digest } } },
      },
    };
    const hint = { registry: "ghcr.io", repository: "k8s/app", tag: "v1", digest };
    expect(read(github("package"), published)).toMatchObject({ registry: [hint] });
    const older = { registry_package: published.package };
    expect(read(github("registry_package"), older)).toMatchObject({ registry: [hint] });
    const npm = { package: { ...published.package, package_type: "npm" } };
    expect(read(github("package"), npm)).toMatchObject({ registry: [] });
    const own = {
      action: "created",
      package: {
        ...{
          name: "app",
          type: "container",
          version: "v2",
          html_url: "https://git.example.org/k8s/-/packages",
        },
        owner: { login: "k8s" },
      },
    };
    expect(read(gitea("package"), own)).toMatchObject({
      registry: [{ registry: "git.example.org", repository: "k8s/app", tag: "v2" }],
    });
  });
});

describe("a registry's delivery", () => {
  const digest = `sha256:${"b".repeat(64)}`;
  const event = (action: string, target: object, id = "e-1") => ({
    id,
    action,
    target: { mediaType: "application/vnd.oci.image.manifest.v1+json", repository: "k8s/app", ...target },
    request: { host: "registry.example.org:5000" },
  });
  const one = (registry: string | undefined, tag: string | undefined, of?: "no digest") => ({
    ...{ registry, repository: "k8s/app", tag, digest: of === undefined ? digest : undefined },
  });

  it("of distribution names what was pushed once, and no layers", () => {
    const url = `http://registry.example.org:5000/v2/k8s/app/manifests/${digest}`;
    const events = [
      event("push", { mediaType: "application/octet-stream", digest, url: "http://x/v2/k8s/app/blobs/1" }),
      event("push", { digest, tag: "v1", url }),
      event("push", { digest, tag: "v1", url }),
      event("pull", { digest, tag: "v0", url }),
      event("delete", { tag: "old", digest: "", mediaType: "" }),
    ];
    const found = read({ "content-type": "application/vnd.docker.distribution.events.v1+json" }, { events });
    expect(found).toEqual({
      ...{ source: "here", sender: "distribution", id: undefined, event: "delete,pull,push" },
      ...{ repositoryUrls: [], refs: [], pull: undefined, comment: undefined },
      registry: [
        one("registry.example.org:5000", "v1"),
        one("registry.example.org:5000", "old", "no digest"),
      ],
    });
    expect(read({}, { events: [event("push", { digest, url })] })).toMatchObject({
      id: "e-1",
      event: "push",
    });
    expect(read({}, { events: [] })).toMatchObject({ registry: [] });
  });

  it("of Harbor names its resources, in both of its forms", () => {
    const data = {
      resources: [{ digest, tag: "v1", resource_url: "harbor.example.org/k8s/app:v1" }],
      repository: { repo_full_name: "k8s/app" },
    };
    const push = { type: "PUSH_ARTIFACT", occur_at: 1_700_000_000, operator: "admin", event_data: data };
    const hint = one("harbor.example.org", "v1");
    expect(read({}, push)).toMatchObject({ sender: "harbor", event: "PUSH_ARTIFACT", registry: [hint] });
    const cloud = { specversion: "1.0", id: "c-1", source: "/p/1", type: "harbor.artifact.pushed", data };
    expect(read({}, cloud)).toMatchObject({ sender: "harbor", id: "c-1", registry: [hint] });
    const untagged = { ...push, event_data: { ...data, resources: [{ digest, tag: digest }] } };
    expect(read({}, untagged)).toMatchObject({ registry: [one(undefined, undefined)] });
    const scanned = { type: "SCANNING_COMPLETED", occur_at: 1, event_data: { scan: 1 } };
    expect(read({}, scanned)).toMatchObject({ sender: "harbor", registry: [] });
    expect(read({}, { ...push, event_data: {} })).toMatchObject({ code: "unexpected-shape" });
  });

  it("of Quay names each tag", () => {
    const push = {
      ...{ name: "app", repository: "k8s/app", namespace: "k8s", docker_url: "quay.io/k8s/app" },
      updated_tags: ["v1", "latest"],
    };
    expect(read({}, push)).toMatchObject({
      ...{ sender: "quay", event: "repo_push", id: undefined },
      registry: [one("quay.io", "v1", "no digest"), one("quay.io", "latest", "no digest")],
    });
    expect(read({}, { ...push, updated_tags: undefined })).toMatchObject({ sender: "quay", registry: [] });
  });

  it("of zot is read from headers and body, whatever its prefix", () => {
    const data = { name: "k8s/app", reference: "v1", digest };
    const headers = { "Ce-Type": "zotregistry.image.updated", "Ce-Id": "z-1" };
    expect(read(headers, data)).toMatchObject({ sender: "zot", id: "z-1", registry: [one(undefined, "v1")] });
    expect(read({ "Ce-Type": "org.example.image.deleted" }, data)).toMatchObject({ sender: "zot" });
    expect(read({ "Ce-Type": "zotregistry.image.scanned" }, {})).toMatchObject({ registry: [] });
    expect(read(headers, {})).toMatchObject({ code: "unexpected-shape" });
    const structured = {
      specversion: "1.0",
      id: "z-2",
      source: "z",
      type: "zotregistry.image.updated",
      data,
    };
    expect(read({}, structured)).toMatchObject({
      sender: "zot",
      id: "z-2",
      registry: [one(undefined, "v1")],
    });
  });

  it("of Amazon, Google, Azure and Docker Hub names the image", () => {
    const ecr = {
      ...{ id: "a-1", "detail-type": "ECR Image Action", source: "aws.ecr", account: "123456789012" },
      region: "eu-west-1",
      detail: {
        ...{ result: "SUCCESS", "repository-name": "k8s/app", "image-digest": digest },
        ...{ "action-type": "PUSH", "image-tag": "v1" },
      },
    };
    expect(read({}, ecr)).toMatchObject({
      ...{ sender: "ecr", id: "a-1" },
      registry: [one("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "v1")],
    });
    const message = (data: object) => ({
      message: { messageId: "m-1", data: Buffer.from(JSON.stringify(data)).toString("base64") },
      subscription: "projects/p/subscriptions/s",
    });
    const google = message({
      ...{ action: "INSERT", digest: `europe-docker.pkg.dev/k8s/app@${digest}` },
      tag: "europe-docker.pkg.dev/k8s/app:v1",
    });
    expect(read({}, google)).toMatchObject({
      ...{ sender: "artifact-registry", id: "m-1", event: "INSERT" },
      registry: [one("europe-docker.pkg.dev", "v1", "no digest"), one("europe-docker.pkg.dev", undefined)],
    });
    expect(read({}, { message: { data: "?" }, subscription: "s" })).toMatchObject({
      code: "unexpected-shape",
    });
    expect(read({}, event("push", { digest, tag: "v1" }))).toMatchObject({
      ...{ sender: "acr", id: "e-1", registry: [one("registry.example.org:5000", "v1")] },
    });
    const hub = {
      callback_url: "http://10.0.0.1/",
      push_data: { tag: "v1" },
      repository: { repo_name: "k8s/app" },
    };
    expect(read({}, hub)).toMatchObject({ registry: [one("docker.io", "v1", "no digest")] });
  });

  it.each([{}, [], null, "x", { events: {} }, { events: [{}] }])(
    "in no known form is refused: %j",
    (payload) => {
      expect(read({}, JSON.stringify(payload))).toMatchObject({ code: "unexpected-shape", status: 400 });
    },
  );
});

it("nothing that is sent makes the reader throw", () => {
  const event = fc.constantFrom("push", "create", "pull_request", "issue_comment", "package");
  fc.assert(
    fc.property(event, fc.json(), fc.boolean(), (name, json, isForge) => {
      expect(read(isForge ? github(name) : {}, json)).toBeDefined();
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const headers = new Headers(github("push"));
      const found = readDelivery({ headers }, bytes, { recognized: recognize(headers) }, { name: "a" });
      expect(found).toHaveProperty("code");
    }),
  );
});

it("a delivery that is known runs again only after it failed", () => {
  expect(replayDecision(undefined)).toBe("process");
  expect(replayDecision("failed")).toBe("process-again");
  expect(replayDecision("done")).toBe("answer-only");
  expect(replayDecision("waiting")).toBe("answer-only");
});
