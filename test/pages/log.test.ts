import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { ask, startWorker, untilState } from "../queue/support.ts";
import type { ServerWorld } from "../server/server-world.ts";
import { barriersAt, describeBrowser, polled } from "./browser.ts";
import { logIn, usePages } from "./page-world.ts";

/** A build that fails in its second step, among thousands of lines that say nothing. */
const failing = [
  ...Array.from({ length: 3_000 }, (_, at) => `Step #0 - "pull": layer ${at + 1} of 3000`),
  ...Array.from({ length: 2_000 }, (_, at) => `Step #1 - "build": compiling unit ${at + 1}`),
  'Step #1 - "build": \u001b[31merror\u001b[0m: unit 2001 does not compile',
  ...Array.from({ length: 50 }, (_, at) => `Step #1 - "build": giving up ${at + 1}`),
  ...Array.from({ length: 1_000 }, (_, at) => `Step #2 - "clean": file ${at + 1}`),
].join("\n");

describeBrowser("logs", (browser) => {
  const world = usePages();

  async function begun({ db, queue, runs }: ServerWorld) {
    const worker = startWorker(db, { queue });
    const { id } = await ask(db, { job: "push-snoopdb", repo: "https://github.com/cncf/apisnoop" });
    const { attempt } = await worker.taken(id);
    const head = { verb: "build", by: "test", subject: "snoopdb" };
    const record = await runs.start({ id, attempt, job: "push-snoopdb", type: "postsubmit", head });
    const end = async (result: "SUCCESS" | "FAILURE") => {
      await record.finish({ result });
      worker.finish(id, { result, details: { summary: "it has ended" } });
      await untilState(queue, id, "ended");
    };
    return { id, record, end, stop: () => worker.stop() };
  }

  async function ended(served: ServerWorld, text: string) {
    const { id, record, end, stop } = await begun(served);
    record.log(text);
    await end("FAILURE");
    await stop();
    return id;
  }

  const numbers = (page: Page) =>
    page.locator(".line .at").evaluateAll((links) => links.map((link) => Number(link.textContent)));

  test("are folded around what failed, and folds are opened where they are", async () => {
    const served = await world();
    const id = await ended(served, failing);
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("reader"));
    await page.goto(`/runs/${id}/log`);
    await expect.poll(() => page.locator("#L5001.suspect .ansi-red-fg").textContent(), polled).toBe("error");
    expect(await page.locator("#L5001").isVisible()).toBe(true);
    expect(await page.locator("#L2500").count()).toBe(0);
    await expect.poll(() => page.locator("#L6051").count(), polled).toBe(1);
    expect((await numbers(page)).length).toBeLessThan(400);
    // Ranges that follow each other, with folds between.
    const folds = page.locator(".fold");
    await expect.poll(() => folds.first().textContent(), polled).toContain("2\u202f999 lines");
    await folds.first().getByRole("link", { name: "next 20 lines, from line 2 on" }).click();
    await page.locator("#L21").waitFor();
    await expect.poll(() => folds.first().textContent(), polled).toContain("2\u202f979 lines");
    await folds.first().getByRole("link", { name: "20 before line 3001" }).click();
    await page.locator("#L2981").waitFor();
    await folds
      .first()
      .getByRole("link", { name: /^2.000 of lines/ })
      .click();
    await page.locator("#L2021").waitFor();
    await folds
      .first()
      .getByRole("link", { name: /^all of lines/ })
      .click();
    await page.locator("#L2500").waitFor();
    const shown = await numbers(page);
    expect(shown.slice(0, 3001)).toEqual(Array.from({ length: 3001 }, (_, at) => at + 1));
    await page.getByText("3 chapters").click();
    await page.getByRole("link", { name: 'Step #2 - "clean"' }).click();
    await page.waitForURL(/lines=5052/);
    await expect.poll(() => page.locator("#L5052.chapter").count(), polled).toBe(1);
  });

  test("are read at any line by the address, with a script and without", async () => {
    const served = await world();
    const id = await ended(served, failing);
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("reader"));
    await page.goto(`/runs/${id}/log#1:2117-2130`);
    await page.locator("#L2117.marked").waitFor();
    await expect.poll(() => page.locator(".line.marked").count(), polled).toBe(14);
    await expect.poll(() => page.locator("#chosen").textContent(), polled).toContain("Lines 2117 to 2130");
    await page.locator("#L2119 .at").click();
    await page.locator("#L2121 .at").click({ modifiers: ["Shift"] });
    await expect.poll(() => page.url(), polled).toContain("#1:2119-2121");
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.getByRole("button", { name: "Copy as text" }).click();
    await page.getByText("Copied: 3 lines").waitFor();
    expect(await page.evaluate("navigator.clipboard.readText()")).toBe(
      [2119, 2120, 2121].map((number) => `Step #0 - "pull": layer ${number} of 3000\n`).join(""),
    );
    const plain = await browser.open(served.origin, { javaScriptEnabled: false });
    await logIn(plain, await served.token("reader"));
    await plain.goto(`/runs/${id}/log?lines=2117-2130`);
    await expect.poll(() => plain.locator(".line.marked").count(), polled).toBe(14);
    await plain.getByRole("link", { name: "since its start" }).click();
    await plain.waitForURL(/times=elapsed/);
    expect(
      await plain.locator("#log.times-elapsed #L2117.marked .when").getAttribute("data-elapsed"),
    ).toMatch(/^\d\d:\d\d$/);
    await plain.getByRole("link", { name: "What went wrong" }).click();
    await plain.waitForURL(/show=failed/);
    await plain
      .locator(".fold")
      .first()
      .getByRole("link", { name: /^next 20 lines/ })
      .click();
    await plain.waitForURL(/lines=2-21/);
    await expect.poll(() => plain.locator("#L2").count(), polled).toBe(1);
  });

  test("are searched by the server, and walked through by keyboard alone", async () => {
    const served = await world();
    const id = await ended(served, failing);
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("reader"));
    await page.goto(`/runs/${id}/log`);
    await page.locator("#log").focus();
    await page.keyboard.press("n");
    await page.locator("#L5001.marked").waitFor();
    await page.keyboard.press("J");
    await expect.poll(() => page.url(), polled).toContain("#1:5001-5002");
    await page.keyboard.press("t");
    await page.locator("#log.times-elapsed").waitFor();
    await expect.poll(() => page.url(), polled).toContain("times=elapsed");
    await page.keyboard.press("w");
    await page.locator("#log.nowrap").waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("UNIT 1\\d{3}$");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Space");
    await page.keyboard.press("Enter");
    await page.waitForURL(/find=UNIT/);
    await expect.poll(() => page.locator(".matches li").count(), polled).toBe(200);
    await page.getByRole("link", { name: "Look further" }).click();
    await page.waitForURL(/from=/);
    await page.locator("#log.nowrap.times-elapsed").focus();
    await page.keyboard.press("n");
    const first = await page.locator(".line.marked .at").textContent();
    await page.keyboard.press("n");
    await expect
      .poll(() => page.locator(".line.marked .at").textContent(), polled)
      .toBe(String(Number(first) + 1));
    await page.goto(`/runs/${id}/log?find=${encodeURIComponent("(")}&regex=true`);
    await page.getByText("That is no expression of RE2").waitFor();
  });

  test("show what is written, and never more of it than is seen", async () => {
    const served = await world();
    const { id, record, end, stop } = await begun(served);
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("reader"));
    await page.goto(`/runs/${id}/log`);
    record.log("first\n");
    await page.locator("#L1").waitFor();
    for (let block = 0; block < 20; block++) {
      record.log(Array.from({ length: 1_000 }, (_, at) => `line ${block * 1_000 + at + 2}\n`).join(""));
    }
    await page.locator("#L20001").waitFor();
    await expect.poll(() => page.locator("#L20001").textContent(), polled).toContain("line 20001");
    const shown = await numbers(page);
    expect(shown.length).toBeLessThanOrEqual(1_000);
    expect(shown).toEqual(shown.map((_, at) => 20_001 - shown.length + 1 + at));
    await expect.poll(() => page.locator(".fold .count").textContent(), polled).toContain("19\u202f");
    // Who reads further up stays there, and is told that there is more.
    await page.evaluate("scrollTo({ top: 0 })");
    for (let block = 0; block < 7; block++) {
      record.log(Array.from({ length: 1_000 }, () => "more\n").join(""));
    }
    await page.getByRole("button", { name: "More was written" }).click();
    await page.locator("#L27001").waitFor();
    record.log("\u001b[32mhalf");
    await page.locator("#L27002 .ansi-green-fg").getByText("half", { exact: true }).waitFor();
    record.log(" a line\n");
    await page.locator("#L27002").getByText("half a line").waitFor();
    await end("FAILURE");
    await page.locator("h1 .state.failure").waitFor();
    await page.getByText("The run has ended.").waitFor();
    await expect.poll(() => page.locator("#L27002").count(), polled).toBe(1);
    await stop();
  });

  test("are without barriers, folded, found and chosen", { timeout: 240_000 }, async () => {
    const served = await world();
    const id = await ended(served, `${failing.slice(-20_000)}\n--- attempt 2 of this run begins ---\nlast\n`);
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("reader"));
    const addresses = ["?times=clock&wrap=no", "?find=giving+up", "?lines=100"].map(
      (more) => `/runs/${id}/log${more}`,
    );
    expect(await barriersAt(page, addresses, false)).toEqual([]);
  });
});
