import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { barriersAt, describeBrowser, polled } from "./browser.ts";
import { type FullWorld, hurtful, useFullWorld } from "./full-world.ts";
import { logIn } from "./page-world.ts";

const parts = [
  ...["", "/jobs", "/remotes", "/destinations", "/notifications", "/people", "/tokens", "/audit", "/server"],
].map((path) => `/settings${path}`);

describeBrowser("the pages of settings", (browser) => {
  const full = useFullWorld();
  const opened = async (options = {}): Promise<{ readonly world: FullWorld; readonly page: Page }> => {
    const world = full();
    const page = await browser.open(world.origin, options);
    await logIn(page, world.adminToken);
    return { world, page };
  };
  const asked = async <Answer>({ origin, adminToken }: FullWorld, path: string): Promise<Answer> => {
    const headers = { authorization: `Bearer ${adminToken}` };
    return JSON.parse(await (await fetch(`${origin}/api/v1${path}`, { headers })).text()) as Answer;
  };

  test("are without barriers, at three widths, light and dark", { timeout: 300_000 }, async () => {
    const { page, world } = await opened();
    const { items } = await asked<{ items: { id: string }[] }>(world, "/tokens");
    const token = items.find(({ id }) => id.length === 36)?.id ?? "";
    expect(
      await barriersAt(
        page,
        [...parts, `/settings/tokens/${token}/revoke`, "/settings/jobs/accept?commit=abc"],
        false,
      ),
    ).toEqual([]);
  });

  test("say what is wrong first, and where it is mended, without JavaScript", {
    timeout: 300_000,
  }, async () => {
    const { page } = await opened({ javaScriptEnabled: false });
    await page.goto("/settings");
    const wrong = await page.locator(".needs li").allTextContents();
    for (const part of [
      "no worker is there",
      "bad.yaml:",
      "away.example.com is away",
      "chat could not be told",
    ]) {
      expect(wrong.some((text) => text.includes(part))).toBe(true);
    }
    await page.getByRole("link", { name: /bad\.yaml/ }).click();
    await page.waitForURL("/settings/jobs");
    await expect
      .poll(() => page.locator(".findings").first().textContent(), polled)
      .toMatch(/bad\.yaml:\d+:\d+/);
    for (const address of parts) {
      await page.goto(address);
      await expect.poll(() => page.locator("h1").count(), polled).toBe(1);
      expect(await page.locator("main script").count()).toBe(0);
    }
    await page.goto("/settings/audit");
    await expect
      .poll(() => page.locator("tbody").textContent(), polled)
      .toContain("</main><script>alert(1)</script>");
    expect(await page.locator("tbody").textContent()).not.toContain("\u202e");
    await page.getByLabel("Act").fill("run.abort");
    await page.getByRole("button", { name: "Show" }).click();
    await expect.poll(() => page.locator("tbody tr").count(), polled).toBe(1);
  });

  test("make a token, show it once, and revoke it when somebody is sure", { timeout: 300_000 }, async () => {
    const { page, world } = await opened({ javaScriptEnabled: false });
    await page.goto("/settings/tokens");
    await page.getByLabel("What it is for").fill("ci of example/app");
    await page.getByLabel("It may at most").selectOption("runner");
    await page.getByLabel(/^Jobs/).fill("nightly");
    await page.getByRole("button", { name: "Make it" }).click();
    const token = (await page.locator("output code").textContent()) ?? "";
    expect(token).toMatch(/^waybill_/);
    const me = await fetch(`${world.origin}/api/v1/me`, { headers: { authorization: `Bearer ${token}` } });
    expect(await me.json()).toMatchObject({ role: "runner", jobs: ["nightly"], mayManage: false });
    await page.goto("/settings/tokens");
    expect(await page.content()).not.toContain(token);
    await page.getByRole("link", { name: "Revoke ci of example/app" }).click();
    await page.getByRole("link", { name: "No, go back" }).click();
    await page.getByRole("link", { name: "Revoke ci of example/app" }).click();
    await page.getByRole("button", { name: "Revoke it" }).click();
    await page.waitForURL("/settings/tokens");
    expect(await page.getByText("ci of example/app").count()).toBe(0);
    const after = await fetch(`${world.origin}/api/v1/me`, { headers: { authorization: `Bearer ${token}` } });
    expect(after.status).toBe(401);
    await page.goto("/settings/audit?act=token.revoke");
    await expect.poll(() => page.locator("tbody tr").count(), polled).toBe(1);
  });

  test("are used by keyboard alone: deliveries are repeated, jobs read anew, sessions ended", {
    timeout: 300_000,
  }, async () => {
    const { page, world } = await opened();
    const focused = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent";
    const pressed = async (name: string): Promise<void> => {
      for (let presses = 0; presses < 100; presses += 1) {
        await page.keyboard.press("Tab");
        if ((await page.evaluate<string | null>(focused))?.trim() === name)
          return page.keyboard.press("Enter");
      }
      throw new Error(`${name} is not reached`);
    };
    await page.goto("/settings/remotes");
    await pressed("Repeat: delivery 1, push");
    await page.waitForURL(/\/settings\/remotes#delivery-1$/);
    await page.goto("/settings/jobs");
    const shownAnew = page.waitForEvent("load");
    await pressed("Read them now");
    await shownAnew;
    const acts = await asked<{ items: { act: string }[] }>(world, "/audit-log?limit=2");
    expect(acts.items.map(({ act }) => act)).toEqual(["jobs.read", "delivery.repeat"]);
    await page.goto("/settings/people");
    await pressed(`End all sessions of ${hurtful.replace("\u202e", "\\u{202e}")}`);
    await page.waitForURL(/\/sessions$/);
    await pressed("End all sessions");
    await page.waitForURL("/settings/people");
    expect(await asked(world, "/sessions")).toMatchObject({
      items: expect.not.arrayContaining([expect.objectContaining({ owner: { kind: "person" } })]),
    });
  });
});
