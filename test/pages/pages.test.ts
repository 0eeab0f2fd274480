import { expect, test } from "vitest";
import { ask, startWorker, untilState } from "../queue/support.ts";
import type { ServerWorld } from "../server/server-world.ts";
import { barriersAt, describeBrowser, polled } from "./browser.ts";
import { logIn, usePages } from "./page-world.ts";

const repo = "https://github.com/cncf/apisnoop";

/** What hurts where it is taken for markup, for a command of a terminal, or for shorter than it is. */
const hostile = "</main><script>alert(1)</script><img src=x onerror=alert(2)> \u202egnp.exe";

describeBrowser("pages", (browser) => {
  const world = usePages();

  /** Runs in every state that a run can be in. */
  async function withRuns({ db, queue, runs }: ServerWorld) {
    const about = { repo, ref: "refs/heads/main", commit: "a".repeat(40) };
    const worker = startWorker(db, { queue });
    const begun = async (job: string, more: object = {}) => {
      const { id } = await ask(db, { job, key: job, ...about, ...more });
      const { attempt } = await worker.taken(id);
      const type = "postsubmit" as const;
      const head = { verb: "build", by: "test", subject: job };
      return { id, record: await runs.start({ id, attempt, job, type, head, refs: undefined }) };
    };
    const ended = async (
      job: string,
      result: "SUCCESS" | "FAILURE" | "ABORTED" | "ERROR",
      summary: string,
    ) => {
      const { id, record } = await begun(job);
      record.log(`step 1\n\u001b[31mred\u001b[0m ${hostile}\nlast\n`);
      await record.finish({ result: result === "SUCCESS" ? result : "FAILURE" });
      worker.finish(id, { result, details: { summary } });
      await untilState(queue, id, "ended");
      return id;
    };
    const success = await ended("push-snoopdb", "SUCCESS", "built 1 image");
    const failure = await ended("push-snoopdb", "FAILURE", hostile);
    await ended("nightly", "ERROR", "no engine");
    const running = await begun("nightly");
    running.record.log("it begins\n");
    const { id: held } = await ask(db, { job: "push-snoopdb", key: "held", held: hostile, ...about });
    const { id: waiting } = await ask(db, { job: "nightly", key: "nightly", ...about, maxConcurrency: 1 });
    return { worker, success, failure, running, held, waiting };
  }

  const addresses = ({ failure, running }: Awaited<ReturnType<typeof withRuns>>): readonly string[] => [
    ...["/", "/runs", "/jobs", "/jobs/push-snoopdb", "/login", "/nothing"],
    ...[`/runs/${failure}`, `/runs/${failure}/log`, `/runs/${running.id}/log?find=begins`],
  ];

  test("are without barriers, at three widths, light and dark", { timeout: 240_000 }, async () => {
    const served = await world();
    const made = await withRuns(served);
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("admin"));
    expect(await barriersAt(page, addresses(made), true)).toEqual([]);
    await made.worker.stop();
  });

  test("read without JavaScript, and nothing from outside is markup", async () => {
    const served = await world();
    const made = await withRuns(served);
    const page = await browser.open(served.origin, { javaScriptEnabled: false });
    await logIn(page, await served.token("admin"));
    for (const address of addresses(made)) {
      await page.goto(address);
      await expect.poll(() => page.locator("h1").count(), polled).toBe(1);
      expect(await page.locator("main script, main img[src=x]").count()).toBe(0);
    }
    await page.goto(`/runs/${made.failure}/log`);
    expect(await page.locator(".line").allTextContents()).toEqual([
      expect.stringContaining("step 1"),
      expect.stringContaining("red </main><script>alert(1)</script>"),
      expect.stringContaining("last"),
    ]);
    await expect.poll(() => page.locator(".line .ansi-red-fg").textContent(), polled).toBe("red");
    await expect.poll(() => page.locator(".line").nth(1).textContent(), polled).toContain("⟨U+202E⟩");
    await page.goto("/runs?state=failure");
    await expect.poll(() => page.locator("tbody tr").count(), polled).toBe(1);
    await page.goto(`/runs/${made.held}`);
    await page.getByRole("button", { name: /^Release/ }).click();
    await page.waitForURL(`/runs/${made.held}`);
    expect((await served.queue.read(made.held)).state).not.toBe("held");
    await made.worker.stop();
  });

  test("show what happens while they are looked at, and what has the focus keeps it", async () => {
    const served = await world();
    const worker = startWorker(served.db, { queue: served.queue });
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("admin"));
    await page.goto("/");
    await page.getByText("Nothing runs.").waitFor();
    await page.getByRole("searchbox").focus();
    await page.keyboard.type("half a wo");
    const { id } = await ask(served.db, { job: "push-snoopdb", repo });
    await worker.taken(id);
    await page.locator(`#running-${id}`).waitFor();
    await page.keyboard.type("rd");
    await expect.poll(() => page.getByRole("searchbox").inputValue(), polled).toBe("half a word");
    worker.finish(id, { result: "FAILURE", details: { summary: "it broke" } });
    await page.locator(`#failed-${id}`).getByText("it broke").waitFor();
    await worker.stop();
  });

  test("do by keyboard alone what somebody may do", async () => {
    const served = await world();
    const made = await withRuns(served);
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("releaser"));
    await page.goto(`/runs/${made.failure}`);
    await page.keyboard.press("Tab");
    await expect.poll(() => page.locator(":focus").textContent(), polled).toBe("Skip to the content");
    await page.keyboard.press("Enter");
    for (let presses = 0; presses < 20; presses++) {
      await page.keyboard.press("Tab");
      if ((await page.locator(":focus").textContent()) === "Run again") break;
    }
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/again$/);
    for (let presses = 0; presses < 40; presses++) {
      await page.keyboard.press("Tab");
      if ((await page.locator(":focus").textContent()) === "Run again with the same inputs") break;
    }
    await page.keyboard.press("Enter");
    await page.waitForURL(
      (url) => /^\/runs\/\d+$/.test(url.pathname) && !url.pathname.endsWith(made.failure),
    );
    const again = new URL(page.url()).pathname.split("/").at(-1) ?? "";
    expect(await served.queue.read(again)).toMatchObject({ job: "push-snoopdb", rerunOf: made.failure });
    await page.getByRole("button", { name: "Log out" }).click();
    await page.waitForURL("/login");
    expect((await page.goto("/runs"))?.url()).toContain("/login?return=%2Fruns");
    await made.worker.stop();
  });

  test("follow a log while it is written, and choose lines of it by the address", async () => {
    const served = await world();
    const { running, worker } = await withRuns(served);
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("admin"));
    await page.goto(`/runs/${running.id}/log`);
    await page.locator("#L1").getByText("it begins").waitFor();
    running.record.log("half a ");
    await page.locator("#L2").getByText("half a").waitFor();
    running.record.log("line\n");
    await page.locator("#L2").getByText("half a line").waitFor();
    running.record.log(`${Array.from({ length: 300 }, (_, at) => `line ${at + 3}`).join("\n")}\n`);
    await page.locator("#L302").waitFor();
    await expect.poll(() => page.locator("#L302").textContent(), polled).toContain("line 302");
    await expect.poll(() => page.locator(".line").count(), polled).toBe(302);
    await page.locator("#L20 .at").click();
    await page.locator("#L22 .at").click({ modifiers: ["Shift"] });
    await expect.poll(() => page.url(), polled).toContain("/log#1:20-22");
    await expect.poll(() => page.locator(".line.marked").count(), polled).toBe(3);
    await page.goto(`/runs/${running.id}/log?find=line+29`);
    await expect.poll(() => page.locator(".matches li").count(), polled).toBe(11);
    await running.record.finish({ result: "SUCCESS" });
    worker.finish(running.id);
    await worker.stop();
  });

  test("give a table to the clipboard, a line for each row", async () => {
    const served = await world();
    const made = await withRuns(served);
    const page = await browser.open(served.origin, { permissions: ["clipboard-read", "clipboard-write"] });
    await logIn(page, await served.token("reader"));
    await page.goto("/runs?state=held");
    await page.getByRole("button", { name: "Copy the table Runs as text" }).click();
    await page.getByText("Copied: 1 row").waitFor();
    const lines = ((await page.evaluate("navigator.clipboard.readText()")) as string).split("\n");
    expect(lines[0]).toMatch(/^State\tJob\tOf\t/);
    expect(lines[1]).toContain("push-snoopdb");
    expect(lines).toHaveLength(3);
    await made.worker.stop();
  });

  test("take no form of somebody else's, and show nobody what they may not see", async () => {
    const served = await world({ access: { anonymousReading: false } });
    const { id } = await ask(served.db, { job: "push-snoopdb" });
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("reader"));
    await page.goto(`/runs/${id}`);
    await page.getByRole("button", { name: /^Abort/ }).click();
    await page.getByRole("heading", { name: "You may not do that" }).waitFor();
    expect((await served.queue.read(id)).state).toBe("waiting");
    const [cookie] = await page.context().cookies();
    const headers = {
      cookie: `${cookie?.name}=${cookie?.value}`,
      "content-type": "application/x-www-form-urlencoded",
    };
    const sent = async (origin: string, csrf: string) =>
      (
        await served.at(`/runs/${id}`, {
          method: "POST",
          headers: { ...headers, origin },
          body: new URLSearchParams({ act: "abort", csrf }),
        })
      ).status;
    const csrf = (await page.locator("input[name=csrf]").first().inputValue()) ?? "";
    expect(await sent("https://evil.example", csrf)).toBe(403);
    expect(await sent(served.origin, "guessed")).toBe(403);
    expect((await served.at("/runs")).headers.get("location")).toBe("/login?return=%2Fruns");
  });
});
