import { afterAll, beforeAll, beforeEach, describe, expect } from "vitest";
import { readManifests, readManifestsAt } from "../../src/manifest/index.ts";
import { promote } from "../../src/promotion/index.ts";
import { formatReviewMarkdown, withOwners } from "../../src/review/index.ts";
import { gitEnvironment } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import type { Project } from "../support/tree.ts";
import {
  artifact,
  codes,
  digest,
  onePlatform,
  openReviewWorld,
  type ReviewWorld,
  referrerTo,
} from "./world.ts";

const test = testWith("git");

let world: ReviewWorld;
let one: string;
let two: string;
let place: string;

beforeAll(async () => {
  world = await openReviewWorld(["v1.0.0", "v1.1.0"]);
  one = digest(world.images["v1.0.0"]);
  two = digest(world.images["v1.1.0"]);
});

afterAll(() => world.close());

beforeEach(() => {
  place = world.fresh();
  world.staging.interfere();
  world.production.interfere();
});

/** Options of a review that asks no registry. */
const offline = { isOffline: true };

const lost = `sha256:${"e".repeat(64)}`;

const project = (images: Project["images"], more: Partial<Project> = {}): Project => ({
  name: "foo",
  source: `${world.staging.host}/foo`,
  destinations: [`${place}/eu`, `${place}/us`],
  images,
  ...more,
});

const base = (): Project => project({ app: { [one]: ["v1.0.0"] } });
const both = (): Project => project({ app: { [one]: ["v1.0.0"], [two]: ["v1.1.0"] } });

describe("a change that adds an image", () => {
  test("passes, with what it would do and what the image is", async () => {
    const review = await world.change([base()], [both()]);
    expect(review).toMatchObject({
      format: "waybill-review/2",
      verdict: "passes",
      offline: false,
      edges: { added: 2, removed: 0, moved: 0, unchanged: 2 },
      findings: [],
      plan: { summary: { copy: 2 } },
    });
    expect(review.edgesHash).toBe(review.plan?.edgesHash);
    expect(review.projects).toMatchObject([
      {
        project: "foo",
        files: [{ file: "tree/images/foo/images.yaml" }],
        newDestinations: [],
        lines: [
          {
            kind: "added",
            image: "app",
            tag: "v1.1.0",
            digest: two,
            destinations: [`${place}/eu/app`, `${place}/us/app`],
            verdicts: { copy: 2 },
            facts: {
              image: {
                platforms: ["linux/amd64", "linux/arm64"],
                labels: { version: "v1.1.0" },
                layers: 3,
                isPartial: false,
              },
              previous: {
                tag: "v1.0.0",
                digest: one,
                difference: {
                  layers: { added: { count: 2 }, removed: { count: 2 }, shared: { count: 1 } },
                  platforms: { added: [], missing: [] },
                  labels: [{ name: "version", before: "v1.0.0", after: "v1.1.0" }],
                },
              },
              attached: { signature: false, attestation: false, sbom: false, referrers: [] },
            },
          },
        ],
      },
    ]);
  });

  test("has the hashes of the plan that promotion would make of it", async () => {
    const other: Project = { ...base(), name: "bar", destinations: [`${place}/else`] };
    const review = await world.change([base(), other], [both(), other]);
    expect(review.passedOver).toEqual(["bar"]);
    const tree = await readManifests(`${world.repository().path}/tree`);
    const since = await readManifestsAt(tree, review.base.commit, { environment: gitEnvironment });
    const { plan } = await promote({ tree, since, open: world.registries.repository, confirm: false });
    expect([review.plan?.hash, review.plan?.edgesHash]).toEqual([plan.hash, plan.edgesHash]);
    const alone = await world.change([base(), other], [both(), other], offline);
    expect(alone).toMatchObject({ offline: true, edgesHash: plan.edgesHash });
    expect(alone.plan).toBeUndefined();
  });

  test("asks each destination at most three times, and writes nothing", async () => {
    const from = world.production.seen.length;
    const start = world.staging.seen.length;
    await world.change([base()], [both()]);
    const seen = [...world.production.seen.slice(from), ...world.staging.seen.slice(start)];
    expect(world.production.seen.length - from).toBeLessThanOrEqual(2 * 3);
    expect(world.staging.seen.length - start).toBeLessThanOrEqual(20);
    expect(seen.filter(({ method }) => method !== "GET" && method !== "HEAD")).toEqual([]);
  });

  test("shows who may approve it", async () => {
    const asked: string[] = [];
    const owners = (file: string) => {
      asked.push(file);
      return { approvers: ["ann"], reviewers: [] };
    };
    const { projects } = withOwners(await world.change([base()], [both()]), owners);
    expect(asked).toEqual(["tree/images/foo/images.yaml"]);
    expect(projects[0]?.files).toEqual([{ file: asked[0], owners: { approvers: ["ann"], reviewers: [] } }]);
  });

  test("shows what is attached, and where a build says that it comes from", async () => {
    const image = world.images["v1.1.0"];
    if (image === undefined) throw new Error("there is no image");
    const statement = {
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: "app", digest: { sha256: two.slice(7) } }],
      predicateType: "https://slsa.dev/provenance/v1",
      predicate: {
        buildDefinition: {
          resolvedDependencies: [
            { uri: "git+https://example.com/app", digest: { gitCommit: "a".repeat(40) } },
          ],
        },
        runDetails: { builder: { id: "https://example.com/builder" } },
      },
    };
    const name = `${world.staging.host}/foo/app`;
    const signature = `sha256-${two.slice(7)}.sig`;
    await world.push(referrerTo(image.root, "application/vnd.in-toto+json", statement), name);
    await world.push(image, name, signature);
    const { projects } = await world.change([base()], [both()]);
    expect(projects[0]?.lines[0]?.facts).toMatchObject({
      attached: {
        signature: true,
        attestation: true,
        sbom: false,
        referrers: ["application/vnd.in-toto+json"],
      },
      provenance: {
        builder: "https://example.com/builder",
        source: "git+https://example.com/app",
        commit: "a".repeat(40),
      },
    });
  });
});

describe("a change of many lines", () => {
  test("is judged as a whole, and what is looked at of it has a limit", async () => {
    const tags = Array.from({ length: 103 }, (_, at) => `v2.0.${at}`);
    const from = world.staging.seen.length;
    const review = await world.change([base()], [project({ app: { [one]: ["v1.0.0"], [two]: tags } })]);
    expect(codes(review)).toEqual({ fails: [], mentions: ["not-looked-at"] });
    expect(review.findings[0]?.message).toContain("of 3 of them");
    expect(review.plan?.summary.copy).toBe(206);
    expect(review.projects[0]?.lines.filter(({ facts }) => facts === undefined)).toHaveLength(3);
    expect(world.staging.seen.length - from).toBeLessThanOrEqual(25);
  });

  test("may add what is no image, which is shown by its type", async () => {
    const chart = artifact("application/vnd.cncf.helm.config.v1+json");
    await world.push(chart, `${world.staging.host}/foo/charts/app`, "1.0.0");
    const after = project({ app: { [one]: ["v1.0.0"] }, "charts/app": { [digest(chart)]: ["1.0.0"] } });
    const review = await world.change([base()], [after]);
    expect(codes(review)).toEqual({ fails: [], mentions: [] });
    expect(review.projects[0]?.lines[0]?.facts).toMatchObject({
      image: { artifactType: "application/vnd.cncf.helm.config.v1+json", platforms: [], layers: 1 },
    });
  });
});

describe("a change fails", () => {
  test("for a digest that is not in staging, and says what its tag stands at there", async () => {
    const review = await world.change(
      [base()],
      [project({ app: { [one]: ["v1.0.0"], [lost]: ["v1.1.0"] } })],
    );
    expect(codes(review)).toEqual({ fails: ["lost"], mentions: [] });
    expect(review.findings[0]).toMatchObject({
      file: expect.stringMatching(/images\.yaml$/),
      at: { line: 4, column: 81 },
      hint: `correct the digest: in staging the tag stands at ${two}`,
      destinations: [`${place}/eu/app`, `${place}/us/app`],
    });
  });

  test("for a tag that production holds with another digest, and says what both are", async () => {
    await world.push(world.images["v1.0.0"] ?? fail(), `${place}/eu/app`, "v1.1.0");
    const review = await world.change([base()], [both()]);
    expect(codes(review)).toEqual({ fails: ["conflict"], mentions: [] });
    expect(review.findings[0]?.message).toContain(`${place}/eu/app:v1.1.0 stands at ${one} (built`);
    expect(review.findings[0]?.message).toContain("version v1.0.0");
    expect(review.findings[0]?.message).toContain(`the change asks for ${two} (built`);
  });

  test("for a tag that moves, even where nothing was promoted yet and removals are allowed", async () => {
    const after = [project({ app: { [two]: ["v1.0.0"] } })];
    const review = await world.change([base()], after, { allowRemovals: true });
    expect(codes(review).fails).toEqual(["tag-moved"]);
    expect(review.projects[0]?.lines).toMatchObject([
      { kind: "moved", before: { digest: one }, digest: two },
    ]);
  });

  test("for what it takes away, unless that is allowed", async () => {
    const after = [project({ app: { [two]: ["v1.1.0"] } }, { destinations: [`${place}/eu`] })];
    const review = await world.change([both()], after);
    expect(codes(review).fails.sort()).toEqual(["destination-removed", "removed"]);
    const allowed = await world.change([both()], after, { allowRemovals: true });
    expect(allowed.verdict).toBe("passes");
    expect(codes(allowed).mentions.sort()).toEqual(["destination-removed", "removed"]);
    const gone = await world.change([both(), { ...both(), name: "bar" }], [both()]);
    expect(codes(gone).fails).toEqual(["project-removed"]);
  });

  test("for an overlap that it introduces, and mentions one that was there", async () => {
    const torn = project({ app: { [one]: ["v1.0.0"], [two]: ["v1.0.0"] } });
    expect(codes(await world.change([base()], [torn]))).toEqual({ fails: ["overlap"], mentions: [] });
    const later = project({ app: { [one]: ["v1.0.0"], [two]: ["v1.0.0", "v1.1.0"] } });
    const review = await world.change([torn], [later]);
    expect(codes(review)).toEqual({ fails: [], mentions: ["overlap"] });
    expect(review.findings[0]?.isOld).toBe(true);
  });

  test("for nothing of a file that it does not touch: what was so there before is counted alone", async () => {
    // The two write the same registry, so that both are read.
    const old = { ...project({ web: { "sha256:123": ["v1"], [one]: ["latest"] } }), name: "old" };
    const review = await world.change([base(), old], [both(), old]);
    expect(codes(review)).toEqual({ fails: [], mentions: [] });
    expect(review.outside).toEqual({ errors: 1, warnings: 1 });
    expect(formatReviewMarkdown(review)).toContain(
      "1 error and 1 warning from before in files that it does not touch: waybill check shows them.",
    );
  });

  test("for an overlap with a project that it does not touch", async () => {
    const other: Project = {
      ...project({ "eu/app": { [two]: ["v1.0.0"] } }),
      name: "root",
      destinations: [place],
    };
    const none = project({});
    const review = await world.change([none, other], [base(), other]);
    expect(codes(review).fails).toEqual(["overlap"]);
    expect(review.passedOver).toEqual([]);
  });

  test("for what cannot be read, which is not known, and not absent", async () => {
    world.staging.interfere(() => (response) => response.writeHead(500).end());
    const review = await world.change([base()], [both()]);
    expect(codes(review).fails).toEqual(["unread"]);
    expect(review.findings[0]?.message).toContain("it is not known whether app:v1.1.0 can be done");
    world.staging.interfere();
    world.production.interfere((request) =>
      request.url?.includes("/eu/") ? (response) => response.writeHead(403).end() : undefined,
    );
    const half = await world.change([base()], [both()]);
    expect(codes(half).fails).toEqual(["unread"]);
    expect(half.findings[0]?.destinations).toEqual([`${place}/eu/app`]);
    expect(half.projects[0]?.lines[0]?.verdicts).toEqual({ unread: 1, copy: 1 });
  });

  test("once for what one cause keeps from being read, with the first places", async () => {
    const tags = Array.from({ length: 9 }, (_, index) => `v2.${index}`);
    world.production.interfere(() => (response) => response.writeHead(403).end());
    const review = await world.change([base()], [project({ app: { [one]: ["v1.0.0", ...tags] } })]);
    world.production.interfere();
    expect(review.findings).toHaveLength(1);
    const [finding] = review.findings;
    expect(finding).toMatchObject({ severity: "fails", code: "unread" });
    expect(finding?.message).toContain("whether 18 edges of 9 lines can be done");
    expect(finding?.hint).toContain("waybill login");
    expect(finding?.related).toHaveLength(2);
  });

  test("for a platform that the version before has", async () => {
    const small = onePlatform(world.images["v1.1.0"] ?? fail());
    await world.push(small, `${world.staging.host}/foo/app`, "v1.2.0");
    const after = [project({ app: { [one]: ["v1.0.0"], [digest(small)]: ["v1.2.0"] } })];
    const review = await world.change([base()], after);
    expect(codes(review).fails).toEqual(["platform-missing"]);
    expect(review.findings[0]?.message).toBe("app:v1.2.0 lacks linux/arm64, which v1.0.0 has");
  });

  test("for an error in a file, and mentions those that were there", async () => {
    const broken = project({ app: { [one]: ["v1.0.0"], "sha256:123": ["v1.1.0"] } });
    expect(codes(await world.change([base()], [broken]))).toEqual({
      fails: ["invalid-digest"],
      mentions: [],
    });
    const more = project({ app: { [two]: ["v1.1.0"], [one]: ["v1.0.0"], "sha256:123": ["v1.1.0"] } });
    const review = await world.change([broken], [more]);
    expect(codes(review)).toEqual({ fails: [], mentions: ["invalid-digest"] });
    const twice = project({ app: { "sha256:123": ["v1"] }, web: { "sha256:123": ["v1"] } });
    expect(codes(await world.change([project({ app: { "sha256:123": ["v1"] } })], [twice])).fails).toEqual([
      "invalid-digest",
    ]);
  });
});

describe("a new destination", () => {
  const wider = (images: Project["images"]): Project =>
    project(images, { destinations: [`${place}/eu`, `${place}/us`, `${place}/asia`] });

  test("is planned for what is listed, and asked whether it lets us push", async () => {
    const review = await world.change([base()], [wider({ app: { [one]: ["v1.0.0"] } })]);
    expect(codes(review)).toEqual({ fails: [], mentions: ["push-rights-unknown"] });
    expect(review.projects[0]).toMatchObject({
      lines: [],
      newDestinations: [{ name: `${place}/asia`, edges: 1, mayPush: "unknown" }],
    });
    expect(review.plan?.summary.copy).toBe(1);
  });

  test("does not fail for images that staging lost before", async () => {
    const images = { app: { [one]: ["v1.0.0"], [lost]: ["v0.9.0"] } };
    const review = await world.change([project(images)], [wider(images)]);
    expect(codes(review)).toEqual({ fails: [], mentions: ["lost", "push-rights-unknown"] });
  });
});

describe("a change mentions", () => {
  test("a digest that another image has", async () => {
    const after = project({ app: { [one]: ["v1.0.0"] }, web: { [one]: ["v1.0.0"] } });
    await world.push(world.images["v1.0.0"] ?? fail(), `${world.staging.host}/foo/web`, "v1.0.0");
    const review = await world.change([base()], [after]);
    expect(codes(review)).toEqual({ fails: [], mentions: ["same-digest"] });
    expect(review.findings[0]?.message).toBe("web:v1.0.0 is the same image as foo/app");
  });

  test("destinations that most others do not have", async () => {
    const sibling = (name: string): Project => ({
      ...base(),
      name,
      images: {},
      destinations: [`a.example/prod/${name}`, `b.example/prod/${name}`],
    });
    const siblings = ["a", "b", "c"].map(sibling);
    const added = { ...sibling("d"), destinations: ["a.example/prod/d", "c.example/prod/d"] };
    const review = await world.change(siblings, [...siblings, added], offline);
    expect(codes(review)).toEqual({ fails: [], mentions: ["destinations-differ"] });
    expect(review.findings[0]?.message).toContain("it lacks b.example/prod; it alone has c.example/prod");
  });

  test("another staging registry", async () => {
    await world.push(world.images["v1.0.0"] ?? fail(), `${world.staging.host}/bar/app`, "v1.0.0");
    const after = project({ app: { [one]: ["v1.0.0"] } }, { source: `${world.staging.host}/bar` });
    expect(codes(await world.change([base()], [after])).mentions).toEqual(["source-changed"]);
  });
});

function fail(): never {
  throw new Error("there is no such image");
}
