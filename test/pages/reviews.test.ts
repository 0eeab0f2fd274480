import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { aFinding, aLine, aReview, edgesOf } from "../reviews/a-review.ts";
import { path, reviewForge } from "../reviews/review-world.ts";
import { barriersAt, describeBrowser, polled } from "./browser.ts";
import { usePages } from "./page-world.ts";

/** What hurts where it is taken for markup, a link or a mention, or turns around what stands beside it. */
const hostile =
  "</main><script>alert(1)</script><img src=x onerror=alert(2)> @everybody [x](javascript:alert(3)) \u202egnp.exe";
const uncovered = { standing: [], void: [], uncovered: ["registry/images/app/images.yaml"] };

describeBrowser("pages of reviews", (browser) => {
  const world = usePages();

  async function begin(kind: "github" | "gitlab" | "gitea" = "github") {
    const place = await reviewForge(kind);
    const served = await world((db) => place.optionsFor(db));
    const { db } = served;
    /** A window of somebody who has logged in with the forge. */
    const visit = async (
      login: string,
      more: { readonly javaScriptEnabled?: boolean } = {},
    ): Promise<Page> => {
      const page = await browser.open(served.origin, more);
      const value = await place.session(db, login);
      await page.context().addCookies([
        {
          name: "__Host-waybill",
          value,
          url: served.origin.replace("http:", "https:"),
          secure: true,
          httpOnly: true,
        },
      ]);
      return page;
    };
    const propose = async (title: string): Promise<{ number: number; id: string }> => {
      const number = await place.propose(db, title);
      const [row] = await db.query<{ id: string }>(
        "SELECT id::text AS id FROM review_pull WHERE number = $1",
        [number],
      );
      return { number, id: row?.id ?? "" };
    };
    return { place, served, db, visit, propose };
  }

  /** One with everything in it that hurts, and much of all. */
  async function large({ place, db, propose }: Awaited<ReturnType<typeof begin>>) {
    const { number, id } = await propose(`Promote ${hostile}`);
    const lines = Array.from({ length: 120 }, (_, at) =>
      aLine(`v1.${at}`, {
        ...(at % 3 === 1 ? { kind: "removed" as const } : {}),
        ...(at % 3 === 2
          ? {
              kind: "moved" as const,
              before: { digest: `sha256:${"0".repeat(64)}`, at: { file: "a", line: 1, column: 1 } },
            }
          : {}),
      } as Partial<ReturnType<typeof aLine>>),
    );
    const findings = [
      ...Array.from({ length: 12 }, (_, at) => aFinding(`v1.${at}`)),
      aFinding("x", { code: "conflict", message: hostile, hint: hostile }),
      aFinding("y", { severity: "mentions", code: "same-digest", message: "one digest under two names" }),
    ];
    await place.judge(db, number, (commit) => aReview(commit, { lines, findings }), { approvals: uncovered });
    place.forge.comment(path, number, "ann", "hello");
    return { number, id };
  }

  test("are without barriers at three widths, light and dark, and nothing is wider than the window", {
    timeout: 240_000,
  }, async () => {
    const begun = await begin();
    const { id } = await large(begun);
    await begun.propose("another");
    const page = await begun.visit("pam");
    expect(
      await barriersAt(
        page,
        ["/reviews", "/reviews?state=ended", `/reviews/${id}`, `/reviews/${id}/findings?code=lost`],
        true,
      ),
    ).toEqual([]);
  });

  test("read and act without JavaScript, and nothing from outside is markup", {
    timeout: 240_000,
  }, async () => {
    const begun = await begin();
    const { id } = await large(begun);
    const page = await begun.visit("pam", { javaScriptEnabled: false });
    await page.goto("/reviews");
    await expect
      .poll(() => page.getByRole("row").nth(1).textContent(), polled)
      .toContain(`</main><script>alert(1)</script>`);
    await page.getByRole("link", { name: /^#\d+ Promote/ }).click();
    expect(await page.locator("main script, main img").count()).toBe(0);
    expect(await page.locator('main a[href^="javascript"]').count()).toBe(0);
    await expect.poll(() => page.locator("h1").textContent(), polled).toContain("\\u{202e}gnp.exe");
    expect(await page.locator("#missing ~ ul li").allTextContents()).toEqual([
      expect.stringContaining("13 findings of pull-review to be mended"),
      expect.stringContaining("the approval of @pam, for registry/images/app/images.yaml"),
    ]);
    // Lines come by pages, and can be limited.
    await expect.poll(() => page.locator("#lines ~ .table tbody tr").count(), polled).toBe(50);
    await page.getByRole("link", { name: "More lines" }).click();
    await expect.poll(() => page.locator("#line-51").count(), polled).toBe(1);
    await page
      .getByRole("navigation", { name: "Which lines" })
      .getByRole("link", { name: "removed" })
      .click();
    await expect.poll(() => page.locator("#lines ~ .table tbody tr").count(), polled).toBe(40);
    await expect
      .poll(() => page.locator("tbody tr td:first-child").first().textContent(), polled)
      .toContain("− removed");
    await page.goto(`/reviews/${id}`);
    await page.getByRole("link", { name: "All 12" }).click();
    await expect.poll(() => page.locator("tbody tr").count(), polled).toBe(12);
    // The same as JSON and CSV, at the same address.
    const csv = await page.request.get(`/reviews/${id}?table=lines&kind=added&format=csv`);
    expect((await csv.text()).split("\r\n")).toHaveLength(42);
    const json = await page.request.get(`/reviews/${id}?table=commands&format=json`);
    expect(await json.json()).toEqual({ items: [] });
    await page.goto(`/reviews/${id}`);
    await page.getByLabel("Why it is held").fill("until Monday");
    await page.getByRole("button", { name: "Hold" }).click();
    await expect
      .poll(() => page.locator("#missing ~ ul").textContent(), polled)
      .toContain("the end of the hold of pam: until Monday");
    await page.getByRole("button", { name: "Lift the hold" }).click();
    expect(await page.locator("#missing ~ ul").textContent()).not.toContain("hold");
  });

  test("whoever may approves what is shown, by keyboard alone, and who may not sees no button", {
    timeout: 240_000,
  }, async () => {
    const begun = await begin();
    const { place, db, propose, visit } = begun;
    const { number, id } = await propose("a change");
    await place.judge(db, number, aReview, { approvals: uncovered });
    for (const login of ["ann", "rob", "eve"]) {
      const page = await visit(login);
      await page.goto(`/reviews/${id}`);
      expect(await page.getByRole("button", { name: /^Approve/ }).count(), login).toBe(0);
      await page.context().close();
    }
    const stranger = await visit("eve");
    await stranger.goto(`/reviews/${id}`);
    await expect
      .poll(() => stranger.locator("#no-acts").textContent(), polled)
      .toMatch(/owners of the changed files.* approve it/);
    expect(await stranger.locator("#no-acts a").getAttribute("href")).toContain(place.forge.host);

    const page = await visit("pam");
    await page.goto(`/reviews/${id}`);
    const button = page.getByRole("button", { name: /^Approve/ });
    for (let at = 0; at < 40; at += 1) {
      await page.keyboard.press("Tab");
      if (await button.evaluate((element) => element === element.ownerDocument.activeElement)) break;
    }
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Cancel my approval" }).waitFor();
    await expect
      .poll(() => page.locator("#approvals ~ .table tbody tr").textContent(), polled)
      .toContain("given since the last review");
    await expect
      .poll(() => page.locator("#commands ~ .table tbody").textContent(), polled)
      .toContain("/approve");
    const { comments } = place.forge.pullRequest(path, number);
    expect(comments.map(({ body }) => body).join()).toContain("`/approve` of `pam`: on the page of Waybill");
    // The run that was asked for judges it; the page follows by itself.
    const standing = [{ user: "pam", commit: place.forge.pullRequest(path, number).headCommit }];
    await place.judge(db, number, aReview, { approvals: { standing, void: [], uncovered: [] } });
    await page.locator("#approvals ~ .table").getByText("it is of these edges").waitFor();
    await page.locator("#missing ~ .empty").waitFor();
  });

  test("what comes while somebody reads is not approved by what they have read, and it is said what that is", {
    timeout: 240_000,
  }, async () => {
    const { place, db, propose, visit } = await begin();
    const { number, id } = await propose("a change");
    await place.judge(db, number, aReview);
    const page = await visit("pam");
    await page.goto(`/reviews/${id}`);
    await page.getByText(edgesOf("e")).waitFor();
    const later = { edges: "f", lines: [aLine("v1"), aLine("v2-swapped")] };
    await place.judge(db, number, (commit) => aReview(commit, later));
    // The page is made new while it is open, the button is not.
    await page.getByText(edgesOf("f")).waitFor();
    await page.getByRole("button", { name: /^Approve/ }).click();
    await page.getByRole("alert").waitFor();
    await expect
      .poll(() => page.getByRole("alert").textContent(), polled)
      .toMatch(/something else is asked for now .* hello:v2-swapped/);
    // What has been said stays, whatever happens meanwhile.
    await place.judge(db, number, (commit) => aReview(commit, later));
    expect(await page.locator("main[data-live]").count()).toBe(0);
    const before = place.forge.pullRequest(path, number);
    expect([before.comments, before.labels]).toEqual([[], []]);
    await page.goto(`/reviews/${id}`);
    await page.getByRole("button", { name: /^Approve/ }).click();
    await page.getByRole("button", { name: "Cancel my approval" }).waitFor();
    expect(place.forge.pullRequest(path, number).labels).toEqual(["approved"]);
  });

  test("what somebody has opened stays open while the page is made new", { timeout: 240_000 }, async () => {
    const { place, db, propose, visit } = await begin();
    const { number, id } = await propose("a change");
    await place.judge(db, number, aReview);
    const page = await visit("eve");
    await page.goto(`/reviews/${id}`);
    await page.locator("#to-1 summary").click();
    await page.getByText("registry.example/eu").waitFor();
    await place.judge(db, number, (commit) => aReview(commit, { edges: "f" }));
    await page.getByText(edgesOf("f")).waitFor();
    expect(await page.getByText("registry.example/eu").isVisible()).toBe(true);
  });

  test("a form of somebody else's, a token, and another provider approve nothing", {
    timeout: 240_000,
  }, async () => {
    const { place, db, served, propose } = await begin();
    const { number, id } = await propose("a change");
    await place.judge(db, number, aReview);
    const cookie = `__Host-waybill=${await place.session(db, "pam")}`;
    const send = (headers: Record<string, string>, body: Record<string, string>) =>
      served.at(`/reviews/${id}`, {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
        body: new URLSearchParams(body).toString(),
      });
    const wanted = { act: "approve", edges: edgesOf("e") };
    const own = { origin: served.origin, "sec-fetch-site": "same-origin" };
    expect((await send({ cookie, ...own }, wanted)).status).toBe(403);
    expect((await send({ cookie, ...own }, { ...wanted, csrf: "guessed" })).status).toBe(403);
    expect((await send({ cookie, origin: "https://evil.example" }, wanted)).status).toBe(403);
    const token = await served.token("admin");
    expect((await send({ authorization: `Bearer ${token}`, ...own }, wanted)).status).toBe(403);
    expect(place.forge.pullRequest(path, number).comments).toEqual([]);
    const page = await browser.open(served.origin);
    await page.goto("/login?return=%2Freviews");
    await page.getByLabel("Token").fill(token);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.waitForURL("/reviews");
    await page.goto(`/reviews/${id}`);
    await expect.poll(() => page.locator("#no-acts").textContent(), polled).toContain("not with a token");
    expect(await page.getByRole("button", { name: /Approve|Hold|Test/ }).count()).toBe(0);
  });

  test("an empty list, one that is limited to nothing, and a number that is none say what to do", {
    timeout: 240_000,
  }, async () => {
    const { visit } = await begin();
    const page = await visit("eve");
    await page.goto("/reviews");
    await expect.poll(() => page.locator(".empty").textContent(), polled).toContain("No pull request waits");
    await page.goto("/reviews?waits=hold");
    await expect
      .poll(() => page.locator(".empty").textContent(), polled)
      .toContain("No pull request is like that");
    const answer = await page.goto("/reviews/999");
    expect(answer?.status()).toBe(404);
    await expect
      .poll(() => page.locator("main").textContent(), polled)
      .toContain("no pull request has that number here");
  });
});
