import { join } from "node:path";
import type { Locator } from "playwright-core";
import { expect, onTestFinished, test } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { tellEndedRuns } from "../../src/history/index.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import {
  built,
  edge,
  merged,
  mirrors,
  one,
  promotion,
  pull,
  review,
  reviewed,
  source,
  staging,
  type ToldWorld,
  tellWholeStory,
  toldWorld,
  two,
} from "../history/told-world.ts";
import { temporaryFolder } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import { barriersAt, describeBrowser, polled } from "./browser.ts";
import { logIn, usePages } from "./page-world.ts";

/** What hurts where it is taken for markup, or for shorter than it is. */
const hostile = "</td></main><script>alert(1)</script><img src=x onerror=alert(2)> \u202egnp.exe";

describeBrowser("pages of images", (browser) => {
  const world = usePages();

  /** A second image that nobody lets in, with names from people who mean harm. */
  async function tellHostileStory({ db, runs, end }: ToldWorld): Promise<void> {
    const record = built(two, [hostile, "javascript:alert(1)"]);
    await end({
      id: "7",
      kind: "build",
      job: "push-snoopdb",
      commit: source,
      files: { "images.json": record },
    });
    const [project] = review.projects;
    const lines = project?.lines.map((line) => ({
      ...{ ...line, digest: two, tag: hostile },
      at: { file: hostile, line: 1, column: 1 },
    }));
    const change = { ...review, projects: [{ ...project, lines: lines?.slice(0, 1) }] };
    const judged = {
      ...{ ...reviewed, url: "javascript:alert(3)//9", number: 9, title: hostile, author: hostile },
      ...{ approvals: [{ user: hostile, commit: merged, void: "not-an-approver" }], uncovered: [hostile] },
    };
    await end({ id: "8", kind: "review", pull: 9, files: { "report.json": change, "pull.json": judged } });
    const failed = edge(hostile, "failed", { digest: two, tag: hostile, why: hostile });
    await end({
      id: "9",
      kind: "promote",
      commit: merged,
      files: { "report.json": promotion([], [failed]) },
    });
    await tellEndedRuns(db, runs);
  }

  async function told() {
    const served = await world();
    const made = toldWorld(served.db, served.runs);
    await tellWholeStory(made);
    await tellHostileStory(made);
    return served;
  }

  /** What is seen of it, with one space between words. */
  const textOf = async (of: Locator): Promise<string> =>
    (await of.allInnerTexts()).join(" ").replace(/\s+/g, " ").trim();

  const life = `/images/${staging}@${one}`;
  const addresses = [
    ...[
      "/images",
      `/images/${staging}`,
      life,
      `/images/${staging}@${two}`,
      "/find?q=v",
      "/find?q=",
      "/find?q=%3Cb%3E",
    ],
    ...[`/images?pull=${encodeURIComponent(pull)}`, `/images?commit=${source}`, "/images?search=nothing"],
  ];

  test("are without barriers, at three widths, light and dark", { timeout: 240_000 }, async () => {
    const served = await told();
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("reader"));
    expect(await barriersAt(page, addresses, true)).toEqual([]);
    expect(served.problems).toEqual([]);
  });

  test("lead to a pull request that is known, and to no other address", async () => {
    const served = await told();
    const page = await browser.open(served.origin, { javaScriptEnabled: false });
    await logIn(page, await served.token("reader"));
    const link = async (asked: string): Promise<string | null> => {
      await page.goto(`/images?${new URLSearchParams({ pull: asked })}`);
      expect(await textOf(page.getByRole("main"))).toContain(asked);
      const found = page.locator("main").getByRole("link", { name: asked });
      return (await found.count()) === 0 ? null : found.getAttribute("href");
    };
    expect(await link(pull)).toBe(pull);
    for (const other of ["https://evil.example/o/r/pull/7", `${pull}0`, "javascript:alert(3)//9"]) {
      expect(await link(other)).toBeNull();
    }
  });

  test("show the life of an image as one line, without scripts as well", { timeout: 120_000 }, async () => {
    const served = await told();
    const page = await browser.open(served.origin, { javaScriptEnabled: false });
    await logIn(page, await served.token("reader"));
    await page.goto(life);
    const stations = await page.getByRole("list", { name: "Its way" }).getByRole("listitem").allInnerTexts();
    const words = stations.map((text) => text.replace(/\s+/g, " ").trim());
    expect(words).toEqual([
      expect.stringMatching(/^Commit done f7a3cc6a5d0f$/),
      expect.stringMatching(/^Build done push-snoopdb 1 2026-11-29 10:01:00 UTC$/),
      expect.stringMatching(/^Staging done v1\.0\.0, latest 2026-11-29 10:01:00 UTC$/),
      expect.stringMatching(
        /^Pull request done #7: review passes cecile approved 0123456789ab 2026-11-29 10:02:00 UTC$/,
      ),
      expect.stringMatching(/^Promotion done promote 6 2026-11-29 10:06:00 UTC$/),
      expect.stringMatching(/^Mirrors done 2 of 2 2026-11-29 10:06:00 UTC$/),
    ]);
    const text = await textOf(page.getByRole("main"));
    for (const mirror of mirrors) expect(text).toContain(mirror);
    expect(text).toContain("mallory approved it (it does not count: not-an-approver)");
    expect(text).toContain("sha256:abc");
    expect(text).toContain("images/k8s-staging-apisnoop/images.yaml:4:5");
    expect(text).toContain("not brought to 1 repository: failed, eu.gcr.io: still away");
    // It is not known, which is not the same as that there is nothing.
    expect(text).toContain("could not be read");
    expect(await page.getByRole("link", { name: "#7", exact: true }).getAttribute("href")).toBe(pull);
  });

  test("lead from the search box to the one thing that is meant, by keyboard", {
    timeout: 120_000,
  }, async () => {
    const served = await told();
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("reader"));
    const find = async (text: string): Promise<string> => {
      await page.getByRole("searchbox").focus();
      await page.keyboard.press("ControlOrMeta+A");
      await page.keyboard.type(text);
      const [answer] = await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
      expect(answer?.status()).toBe(200);
      const { pathname, search } = new URL(page.url());
      return `${pathname}${search}`;
    };
    expect(await find(one)).toBe(life);
    expect(await find(one.slice(7, 16))).toBe(life);
    expect(await find(`${mirrors[1]}:v1.0.0`)).toBe(life);
    expect(await find("snoopdb")).toBe(`/images/${staging}`);
    expect(await find("push-snoopdb")).toBe("/jobs/push-snoopdb");
    expect(await find("#7")).toBe(`/images?${new URLSearchParams({ pull })}`);
    expect(await find("v1")).toBe(life);
    expect(await find("apisnoop")).toBe("/find?q=apisnoop");
    expect(await textOf(page.getByRole("table"))).toContain("project");
    expect(await find("no such thing")).toBe("/find?q=no+such+thing");
    expect(await textOf(page.getByRole("main"))).toContain("Nothing fits");
    // By its address in place of its digest, and by a repository that it was promoted to.
    await page.goto(`/images/${staging}:v1.0.0`);
    await expect.poll(() => new URL(page.url()).pathname, polled).toBe(life);
    await page.goto(`/images/${mirrors[0]}@${one}`);
    expect(await textOf(page.getByRole("heading", { level: 1 }))).toContain("v1.0.0");
    expect((await page.goto("/images/nowhere/at-all"))?.status()).toBe(404);
  });

  test("take names for text, whatever stands in them", { timeout: 120_000 }, async () => {
    const served = await told();
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("reader"));
    for (const address of [
      `/images/${staging}`,
      `/images/${staging}@${two}`,
      "/find?q=javascript",
      "/images",
    ]) {
      await page.goto(address);
      expect(await page.locator("main script, main img, [onerror]").count()).toBe(0);
      expect(await page.locator('main a[href^="javascript"]').count()).toBe(0);
      expect(await textOf(page.getByRole("main"))).not.toContain("\u202e");
    }
    await page.goto(`/images/${staging}@${two}`);
    const text = await textOf(page.getByRole("main"));
    expect(text).toContain("<script>alert(1)</script>");
    expect(text).toContain("\\u{202e}gnp.exe");
    const asked = await page.request.get("/find", { params: { q: hostile } });
    expect(await asked.text()).not.toContain("<script>alert(1)");
  });

  test("give each of their tables as JSON and CSV, at the same address", { timeout: 120_000 }, async () => {
    const served = await told();
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("reader"));
    const json = async (address: string) => JSON.parse(await (await page.request.get(address)).text());
    expect((await json(`${life}?format=json`)).items).toHaveLength(2);
    expect((await json(`${life}?table=events&format=json`)).items).toHaveLength(6);
    expect((await json(`/images/${staging}?table=sizes&format=json`)).items).toHaveLength(2);
    expect((await json("/find?q=v1&format=json")).items[0]).toMatchObject({ digest: one });
    const csv = await (await page.request.get("/images?format=csv")).text();
    expect(csv.split("\r\n")[1]).toContain(staging);
  });

  test("say what an image is made of, and what it shares with the one before", {
    timeout: 120_000,
  }, async () => {
    const folder = await temporaryFolder("images");
    onTestFinished(folder.remove);
    const registry = await startRegistryServer({ dir: join(folder.path, "registry") });
    const registries = registriesWith();
    onTestFinished(async () => {
      await registries.close();
      await registry.close();
    });
    const served = await world({ parts: { withRegistries: (read) => read(registries.repository) } });
    const made = toldWorld(served.db, served.runs);
    const repository = registries.repository(parseRepository(`${registry.address}/staging/hello`));
    const digests: string[] = [];
    for (const [at, version] of ["v1", "v2"].entries()) {
      const image = await buildImage("hello", version);
      await pushImage(image, repository, [parseTag(version)]);
      const { digest } = image.root.descriptor;
      digests.push(digest);
      const record = built(digest, [version]);
      const images = record.images.map((each) => ({ ...each, repository: repository.name }));
      await made.end({ id: `${at + 1}`, kind: "build", files: { "images.json": { ...record, images } } });
    }
    await tellEndedRuns(made.db, made.runs);
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("reader"));
    await page.goto(`/images/${repository.name}@${digests[1]}`);
    const section = page.getByRole("region", { name: "Layers" });
    // Registries are waited for only so long.
    while ((await section.count()) === 0) await page.reload();
    expect(await textOf(section)).toMatch(/yes.*no/);
    const text = await textOf(page.getByRole("main"));
    expect(text).toContain("linux/amd64, linux/arm64");
    expect(text).toContain("1 of 3 layers");
    expect(text).toContain("no signature, provenance or SBOM is attached");
    await page.goto(`/images/${repository.name}`);
    while ((await page.locator("svg.size").count()) === 0) await page.reload();
    await expect.poll(() => page.locator("svg.size").count(), polled).toBe(2);
  });
});
