import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished } from "vitest";
import { hasProgram } from "../support/programs.ts";

const program = ["chromium", "chromium-browser", "google-chrome"].find(hasProgram);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Long on any machine; nothing is decided by it but that a test fails. */
const patience = 60_000;

/** For what is read of a page by `expect.poll`: a click goes on before the page is there to which it leads. */
export const polled = { timeout: patience } as const;

/** Pages in a real browser, for the tests of a file. */
export interface TestBrowser {
  /** A window with cookies of its own. What goes wrong in it, also against the policy of the page, fails the test when it ends. */
  open(origin: string, options?: BrowserContextOptions): Promise<Page>;
}

/**
 * Runs tests in Chromium. They are skipped where there is none, and say so; on a CI machine (`CI=true`) they run and fail.
 */
export function describeBrowser(name: string, tests: (browser: TestBrowser) => void): void {
  if (program === undefined && process.env.CI !== "true") {
    describe.skip(`${name} [skipped: no chromium in PATH]`, () => tests({ open: () => Promise.reject() }));
    return;
  }
  describe(name, () => {
    let browser: Browser;
    beforeAll(async () => {
      const args = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"];
      browser = await chromium.launch({ executablePath: pathOf(program), args });
    });
    afterAll(() => browser?.close());
    tests({
      async open(origin, options) {
        const context = await browser.newContext({ baseURL: origin, timezoneId: "Asia/Kolkata", ...options });
        context.setDefaultTimeout(patience);
        const page = await context.newPage();
        const wrong: string[] = [];
        page.on("pageerror", ({ message }) => wrong.push(message));
        page.on("console", (message) => {
          if (/content security policy/i.test(message.text())) wrong.push(message.text());
        });
        onTestFinished(async () => {
          await context.close();
          expect(wrong).toEqual([]);
        });
        return page;
      },
    });
  });
}

function pathOf(name = "chromium"): string {
  const folder = (process.env.PATH ?? "").split(":").find((each) => {
    try {
      return readFileSync(`${each}/${name}`).length > 0;
    } catch {
      return false;
    }
  });
  return `${folder ?? "/usr/bin"}/${name}`;
}

/**
 * Waits until something is so in a page: an expression, which is evaluated from outside each time, for the policy of pages lets nobody do it
 * in them.
 */
export async function untilSo(page: Page, expression: string): Promise<void> {
  await expect.poll(() => page.evaluate(`(${expression}) === true`), polled).toBe(true);
}

/** Waits until the script of a page has done what it does at first. */
export function settled(page: Page): Promise<void> {
  return untilSo(page, '!document.querySelector("main time")?.textContent.endsWith("UTC")');
}

/**
 * What of a page is against WCAG 2.2 AA.
 * @param isWhole Whether nothing of it is scrolled out of sight: then contrast that cannot be told counts as well.
 */
export async function barriersOf(page: Page, isWhole: boolean): Promise<readonly string[]> {
  // As text that is evaluated: the policy of the page lets no other script in.
  await page.evaluate(axe);
  const { violations, incomplete } = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(options: object): Promise<AxeResults> } };
    const values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const { violations, incomplete } = await axe.run({ runOnly: { type: "tag", values } });
    return { violations, incomplete: incomplete.filter(({ id }) => id === "color-contrast") };
  });
  return [...violations, ...(isWhole ? incomplete : [])].map(
    ({ id, nodes }) =>
      `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("; ")}`,
  );
}

/** Widths of a phone, a desk and a wall. */
const widths = [360, 1280, 2560];

/**
 * What of pages is against WCAG 2.2 AA, and which of them are wider than the window: light at three widths, and dark at one of them.
 * @param isWhole As for {@link barriersOf}; on a phone something is out of sight always.
 */
export async function barriersAt(
  page: Page,
  addresses: Iterable<string>,
  isWhole: boolean,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const address of addresses) {
    await page.goto(address);
    await settled(page);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      for (const width of widths) {
        await page.setViewportSize({ width, height: 800 });
        const isWider = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
        if (isWider === true) found.push(`${address} is wider than ${width}`);
        if (colorScheme === "dark" && width !== 1280) continue;
        const barriers = await barriersOf(page, isWhole && width > 360);
        found.push(...barriers.map((barrier) => `${address} at ${width}, ${colorScheme}: ${barrier}`));
      }
    }
  }
  return found;
}
