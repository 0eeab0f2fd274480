import { gzipSync } from "node:zlib";
import { assets } from "waybill:assets";
import { expect, test } from "vitest";
import { ask, startWorker, untilState } from "../queue/support.ts";
import { describeBrowser } from "./browser.ts";
import { logIn, usePages } from "./page-world.ts";

/** Addresses that are no pages, or whose likes have been seen. */
const isPage = (path: string): boolean => !/^\/(?:api|assets|auth|login|find)\b/.test(path);
/** Pages of the same kind differ by ids. */
const kindOf = (path: string): string => path.replace(/\d{4,}|[0-9a-f]{16,}/g, "*");
const mostPages = 60;

describeBrowser("every table of every page that a link leads to", (browser) => {
  const world = usePages();

  test("is copied as text, and got as JSON and CSV at the page's own address", {
    timeout: 240_000,
  }, async () => {
    const served = await world();
    const { db, queue, runs } = served;
    const worker = startWorker(db, { queue });
    const { id } = await ask(db, { job: "push-snoopdb", repo: "https://github.com/cncf/apisnoop" });
    const { attempt } = await worker.taken(id);
    const record = await runs.start({ id, attempt, job: "push-snoopdb", type: "postsubmit" });
    await record.write("report.json", "{}");
    await record.finish({ result: "SUCCESS" });
    worker.finish(id, { result: "FAILURE", details: { summary: "it broke" } });
    await untilState(queue, id, "ended");
    await ask(db, { job: "nightly", held: "wait" });

    const page = await browser.open(served.origin);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await logIn(page, await served.token("admin"));
    const seen = new Set<string>();
    const next = ["/"];
    const found: string[] = [];
    let tables = 0;
    while (next.length > 0 && seen.size < mostPages) {
      const path = next.shift() ?? "";
      if (seen.has(kindOf(path))) continue;
      seen.add(kindOf(path));
      const answer = await page.goto(path);
      if (answer?.ok() !== true) found.push(`${path}: ${answer?.status()}`);
      if (!(answer?.headers()["content-type"] ?? "").startsWith("text/html")) continue;
      if ((await page.locator("h1").count()) !== 1) found.push(`${path}: not one heading`);
      const paths: string[] = await page.evaluate(
        `[...document.querySelectorAll("a[href]")].map(({ href }) => new URL(href))
          .filter(({ origin }) => origin === location.origin).map(({ pathname }) => pathname)`,
      );
      next.push(...paths.filter(isPage));
      for (const table of await page.locator(".table").all()) {
        tables += 1;
        const name = `${path}: ${await table.getByRole("button", { name: /^Copy/, includeHidden: true }).getAttribute("aria-label")}`;
        const rows = await table.locator("tbody tr").count();
        for (const [title, type] of [
          ["JSON", "application/json"],
          ["CSV", "text/csv"],
        ] as const) {
          const href = await table
            .getByRole("link", { name: title, includeHidden: true })
            .last()
            .getAttribute("href");
          const url = new URL(href ?? "", page.url());
          const got = await page.request.get(url.href);
          const isIt = got.ok() && (got.headers()["content-type"] ?? "").startsWith(type);
          if (!isIt || url.pathname !== new URL(page.url()).pathname)
            found.push(`${name} as ${title}: ${got.status()}`);
          const text = await got.text();
          const count =
            title === "JSON" ? JSON.parse(text).items?.length : text.trimEnd().split("\r\n").length - 1;
          if (isIt && count < rows) found.push(`${name} as ${title}: ${count} of ${rows} rows`);
        }
        const button = table.getByRole("button", { name: /^Copy/ });
        // What is folded away is unfolded first.
        if (!(await button.isVisible())) continue;
        // What was said of the table before says nothing of this one.
        await page.evaluate(`document.querySelector("#told").textContent = ""`);
        await button.click();
        await page
          .locator("#told")
          .getByText(/^Copied/)
          .waitFor();
        const copied = await page.evaluate<string>("navigator.clipboard.readText()");
        if (copied.trimEnd().split("\n").length !== rows + 1) found.push(`${name}: copied ${copied}`);
      }
    }
    expect(found).toEqual([]);
    expect([...seen]).toEqual(expect.arrayContaining(["/", "/runs", "/jobs", "/runs/*"]));
    expect(tables).toBeGreaterThan(5);
    await worker.stop();
  });
});

test("what a browser loads is small: scripts 60 kB, the style 20 kB, compressed", () => {
  const sizes = Object.entries(assets).map(([name, text]) => [name, gzipSync(text).length] as const);
  const sum = (ending: string) =>
    sizes.filter(([name]) => name.endsWith(ending)).reduce((total, [, size]) => total + size, 0);
  expect(sum(".js")).toBeLessThanOrEqual(60_000);
  expect(sum(".css")).toBeLessThanOrEqual(20_000);
});
