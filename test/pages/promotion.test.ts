import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { type MatrixWriter, openMatrixWriter } from "../../src/matrix/index.ts";
import type { Digest, RepositoryName, Tag } from "../../src/oci/index.ts";
import type { Plan } from "../../src/promotion/index.ts";
import { planOf } from "../matrix/plan.ts";
import { ask, startWorker, untilState } from "../queue/support.ts";
import { keepMerged } from "../reviews/merged-pull.ts";
import type { ServerWorld } from "../server/server-world.ts";
import { barriersOf, describeBrowser, polled, untilSo } from "./browser.ts";
import { logIn, usePages } from "./page-world.ts";

const hostile = "</td><script>alert(1)</script><img src=x onerror=alert(2)> \u202egnp.exe";

/** A promotion that goes on, whose steps the test takes. */
async function promoting(served: ServerWorld, plan: Plan) {
  const about = {
    repo: "https://github.com/kubernetes/k8s.io",
    ref: "refs/heads/main",
    commit: "a".repeat(40),
  };
  const { id } = await ask(served.db, { job: "promote", kind: "promote", key: "promote", ...about });
  const worker = startWorker(served.db, { queue: served.queue });
  const { attempt } = await worker.taken(id);
  const record = await served.runs.start({ id, attempt, job: "promote", type: "periodic" });
  const writer = openMatrixWriter(served.db, { id, attempt }, (error) => served.problems.push(error));
  await writer.plan(plan, "promotion");
  const end = async () => {
    await writer.close();
    await record.finish({ result: "FAILURE" });
    worker.finish(id, { result: "FAILURE", details: { summary: "not all is there" } });
    await untilState(served.queue, id, "ended");
    await worker.stop();
  };
  return { id, writer, end };
}

const digestOf = (number: number) => `sha256:${number.toString(16).padStart(64, "0")}` as Digest;

/** An edge of {@link planOf}. */
const edge = (number: number, mirror: number) => ({
  ...{ kind: "images", project: `project-${number % 3}`, digest: digestOf(number), tag: `v${number}` as Tag },
  source: `staging.example.com/project-${number % 3}/image-${number}` as RepositoryName,
  destination: `mirror-${mirror}.example.com/prod/project-${number % 3}/image-${number}` as RepositoryName,
});

function done(writer: MatrixWriter, number: number, mirror: number): void {
  writer.listener({ type: "edge-done", ...edge(number, mirror), failure: undefined });
}

function failed(writer: MatrixWriter, number: number, mirror: number, message: string): void {
  const failure = { code: "forbidden", message, hint: `ask ${hostile}` };
  writer.listener({ type: "edge-failed", ...edge(number, mirror), failure });
}

const cell = (page: Page, row: number, mirror: number) =>
  page
    .locator(`#matrix tbody tr[aria-rowindex="${row + 2}"] td`)
    .nth(mirror)
    .locator("a");

describeBrowser("the page of a promotion", (browser) => {
  const world = usePages();

  test("is without barriers, at three widths, light and dark", { timeout: 240_000 }, async () => {
    const served = await world();
    const { id, writer, end } = await promoting(served, planOf({ images: 60, mirrors: 6, conflictEach: 7 }));
    writer.listener({ type: "image-started", digest: digestOf(1) });
    for (let mirror = 0; mirror < 3; mirror += 1) done(writer, 2, mirror);
    failed(writer, 3, 0, "this is not allowed");
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("reader"));
    await page.goto(`/runs/${id}/promotion?cell=0.1`);
    await page.locator(".cell.failed").first().waitFor();
    const found: string[] = [];
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      for (const width of [360, 1280, 2560]) {
        await page.setViewportSize({ width, height: 800 });
        if (await page.evaluate("document.documentElement.scrollWidth > innerWidth"))
          found.push(`wider than ${width}`);
        found.push(
          ...(await barriersOf(page, false)).map((barrier) => `at ${width}, ${colorScheme}: ${barrier}`),
        );
      }
    }
    expect(found).toEqual([]);
    await end();
  });

  test("reads without JavaScript, by pages, with the details of a cell", async () => {
    const served = await world();
    const { id, writer, end } = await promoting(
      served,
      planOf({ images: 130, mirrors: 4, conflictEach: 65 }),
    );
    failed(writer, 3, 0, hostile);
    await end();
    const page = await browser.open(served.origin, { javaScriptEnabled: false });
    await logIn(page, await served.token("reader"));
    await page.goto(`/runs/${id}`);
    await page.getByRole("link", { name: "Images × mirrors" }).click();
    expect(await page.locator("main script, main img[src=x]").count()).toBe(0);
    await expect.poll(() => page.locator("#matrix tbody tr").count(), polled).toBe(100);
    expect(await page.locator("#matrix table").getAttribute("aria-rowcount")).toBe("131");
    await page.getByRole("link", { name: "After" }).click();
    await expect.poll(() => page.locator("#matrix tbody tr").count(), polled).toBe(30);
    expect(await page.locator("#matrix tbody tr").first().getAttribute("aria-rowindex")).toBe("102");
    await page.getByLabel("State").selectOption("failed");
    await page.getByRole("button", { name: "Show" }).click();
    await expect.poll(() => page.locator("#matrix tbody tr").count(), polled).toBe(1);
    await cell(page, 0, 0).click();
    const panel = page.locator("#cell");
    await panel.getByText("</td><script>alert(1)</script>").first().waitFor();
    await expect.poll(() => panel.textContent(), polled).toContain("\\u{202e}gnp.exe");
    expect(
      await panel
        .getByRole("link", { name: "registry/images/project-0/images.yaml:4:3" })
        .getAttribute("href"),
    ).toBe(
      `https://github.com/kubernetes/k8s.io/blob/${"a".repeat(40)}/registry/images/project-0/images.yaml#L4`,
    );
    await page.getByRole("link", { name: "Close" }).click();
    expect(await panel.isHidden()).toBe(true);
    await page.goto(`/runs/${id}/promotion?image=image-65`);
    await expect.poll(() => page.locator("#matrix tbody tr").count(), polled).toBe(1);
    await expect
      .poll(() => page.locator("#causes").textContent(), polled)
      .toContain("give the image a tag of its own");
    await page.goto(`/runs/${id}/promotion?image=nothing`);
    await page.getByText("No image is like that.").waitFor();
    const csv = await served.ask(`/runs/${id}/promotion/edges?state=problem&format=csv`, { as: "reader" });
    expect((await csv.text()).split("\r\n")).toHaveLength(11);
  });

  test("shows what happens while it is looked at, and is right when it is read anew", async () => {
    const served = await world();
    const { id, writer, end } = await promoting(served, planOf({ images: 40, mirrors: 3, conflictEach: 99 }));
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("reader"));
    await page.goto(`/runs/${id}/promotion`);
    await page.locator("#promotion-status").getByText("0 of 117 copied, 3 problems").waitFor();
    writer.listener({ type: "image-started", digest: digestOf(1) });
    const blob = { destination: edge(1, 0).destination, digest: digestOf(99), size: 1000 } as const;
    writer.listener({ type: "blob-started", image: digestOf(1), ...blob });
    writer.listener({ type: "bytes", ...blob, bytes: 340 });
    await page.locator("#now").getByText("project-1/image-1:v1").waitFor();
    await page.locator("#now").getByText("mirror-0", { exact: false }).first().waitFor();
    const wait = { host: "mirror-1.example.com", milliseconds: 3_600_000, reason: `429 ${hostile}` } as const;
    writer.listener({ type: "waiting", ...wait });
    await page.locator("#now").getByText("wants a pause: 429 </td><script>").waitFor();
    const focused = page.locator("#matrix tr[data-row]").first().locator("td a").first();
    await focused.focus();
    for (const mirror of [0, 1]) done(writer, 1, mirror);
    failed(writer, 1, 2, "this is not allowed");
    await page.locator("#promotion-status").getByText("2 of 117 copied, 4 problems").waitFor();
    await page.locator("#matrix .cell.failed").waitFor();
    await expect.poll(() => page.locator("#matrix .cell.done").count(), polled).toBe(2);
    expect(await page.locator("#matrix tr[data-row] td a:focus").getAttribute("href")).toBe(
      await focused.getAttribute("href"),
    );
    await page.locator("#causes").getByText("this is not allowed").waitFor();
    await page.reload();
    await page.locator("#promotion-status").getByText("2 of 117 copied, 4 problems").waitFor();
    await end();
    await page.locator("h1 .state.failure").waitFor();
    expect(await page.locator("#now").isHidden()).toBe(true);
    await page.locator("#promotion-status").getByText("Cut off: 2 of 117 copied, 4 problems").waitFor();
    await page.locator("#sums").getByText("not known to be done").waitFor();
  });

  test("has a matrix of any size in reach of the keyboard", async () => {
    const served = await world();
    const { id, end } = await promoting(served, planOf({ images: 900, mirrors: 22, conflictEach: 450 }));
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("reader"));
    await page.goto(`/runs/${id}/promotion`);
    await page.locator("#matrix table[role=grid]").waitFor();
    const cellOfFocus = 'document.activeElement.closest("td, th")';
    const rowOfFocus = 'document.activeElement.closest("tr")?.getAttribute("aria-rowindex")';
    const focus = () => page.evaluate(`[Number(${rowOfFocus}) - 2, ${cellOfFocus}?.cellIndex]`);
    await page.locator('#matrix tbody [tabindex="0"]').focus();
    expect(await focus()).toEqual([0, 1]);
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowRight");
    expect(await focus()).toEqual([1, 2]);
    await page.keyboard.press("Control+End");
    await untilSo(page, `${rowOfFocus} === "901"`);
    expect(await focus()).toEqual([899, 22]);
    expect(await page.locator("#matrix tbody tr").count()).toBeLessThan(150);
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowLeft");
    expect(await focus()).toEqual([899, 0]);
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await page.locator("#cell").getByText("mirror-0.example.com/prod/", { exact: false }).first().waitFor();
    await expect.poll(() => new URL(page.url()).searchParams.get("cell"), polled).toBe("899.0");
    await page.keyboard.press("Escape");
    expect(await page.locator("#cell").isHidden()).toBe(true);
    expect(await focus()).toEqual([899, 1]);
    await page.keyboard.press("Control+Home");
    await untilSo(page, `${rowOfFocus} === "2"`);
    await end();
  });

  test("shows what of it was approved, by whom, and what was not", async () => {
    const served = await world();
    const { id, writer, end } = await promoting(served, planOf({ images: 3, mirrors: 2, conflictEach: 99 }));
    done(writer, 1, 0);
    const page = await browser.open(served.origin, { javaScriptEnabled: false });
    await logIn(page, await served.token("reader"));
    await page.goto(`/runs/${id}/promotion`);
    const section = page.locator("#approval");
    await section.getByText("no merged pull request of its repository was seen here").waitFor();
    expect(await section.textContent()).toContain("As it was when this page was read.");
    // Its review has shown all images at one of the mirrors, and two that the run does not have.
    const review = { id: "101", attempt: 1 };
    await served.runs.start({ ...review, job: "review", type: "periodic" });
    const shown = openMatrixWriter(served.db, review, (error) => served.problems.push(error));
    await shown.plan(planOf({ images: 5, mirrors: 1, conflictEach: 99 }), "plan");
    await keepMerged(served.db, {
      ...{ url: "https://github.com/kubernetes/k8s.io", number: 7, title: hostile, run: review.id },
      ...{ mergeCommit: "a".repeat(40), by: ["pam", hostile], at: new Date("2020-11-29T10:00:00Z") },
    });
    await end();
    await page.reload();
    await section.getByText("Approved: 2 edges · in no approved review: 2 edges").waitFor();
    const rowsOf = async (label: string) =>
      (await section.getByLabel(`${label}: table`).locator("tbody tr").allTextContents()).map((text) =>
        text.replaceAll(/\s+/g, " "),
      );
    const [pull] = await rowsOf("Pull requests that this run is of");
    expect(pull).toMatch(/^#7 .*pam, <\/td>.*777777777777the commit of its merge/);
    const unapproved = await rowsOf("Work without an approved review");
    expect(unapproved.map((row) => /image-\d:v\d/.exec(row)?.[0])).toEqual(["image-1:v1", "image-2:v2"]);
    expect(unapproved.every((row) => row.includes("no approved review"))).toBe(true);
    expect(await rowsOf("Work that was approved")).toEqual([
      expect.stringMatching(/image-1:v1.*done.*#7/),
      expect.stringMatching(/image-2:v2.*not known to be done.*#7/),
    ]);
    expect(await rowsOf("Approved, and no work of this run")).toEqual([
      expect.stringMatching(/image-3:v3.*nothing to do: as asked, or not asked for any more/),
      expect.stringMatching(/image-4:v4.*nothing to do/),
    ]);
    expect(await section.locator("script, img[src=x]").count()).toBe(0);
    await section.getByRole("link", { name: "#7" }).first().click();
    await page.waitForURL(/\/reviews\/\d+$/);
    const csv = await served.at(`/runs/${id}/promotion?table=unapproved&format=csv`, {
      headers: { authorization: `Bearer ${await served.token("reader")}` },
    });
    expect((await csv.text()).split("\r\n")).toHaveLength(4);
  });

  test("says what to do where there is nothing to show", async () => {
    const served = await world();
    const { id } = await ask(served.db, { job: "promote", kind: "promote", key: "promote" });
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("reader"));
    await page.goto(`/runs/${id}/promotion`);
    await page.getByText("this page shows the plan as soon as there is one").waitFor();
    const worker = startWorker(served.db, { queue: served.queue });
    const { attempt } = await worker.taken(id);
    await served.runs.start({ id, attempt, job: "promote", type: "periodic" });
    const writer = openMatrixWriter(served.db, { id, attempt }, (error) => served.problems.push(error));
    writer.listener({ type: "progress", done: 3, total: 12 });
    await page.locator("#promotion-status").getByText("Planning: 3 of 12 repositories read").waitFor();
    await writer.plan(planOf({ images: 3, mirrors: 2, conflictEach: 9 }), "promotion");
    await page.locator("#matrix .cell.pending").first().waitFor();
    await writer.close();
    worker.finish(id);
    await worker.stop();
  });
});
