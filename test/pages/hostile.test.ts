import { expect, test } from "vitest";
import { ask, startWorker, untilState } from "../queue/support.ts";
import { barriersOf, describeBrowser } from "./browser.ts";
import { hostile } from "./hostile-run.ts";
import { logIn, usePages } from "./page-world.ts";

const long = 4 * 1024 * 1024;

describeBrowser("a hostile run", (browser) => {
  const world = usePages();

  test("is text, whatever it says, and of a line without end its beginning", {
    timeout: 120_000,
  }, async () => {
    const served = await world();
    const { db, queue, runs, origin } = served;
    const worker = startWorker(db, { queue });
    const about = { repo: "https://github.com/cncf/apisnoop", ref: hostile.ref, commit: "a".repeat(40) };
    const { id } = await ask(db, { job: "push-snoopdb", ...about });
    const { attempt } = await worker.taken(id);
    const head = { verb: "build", by: hostile.words, subject: hostile.words };
    const record = await runs.start({ id, attempt, job: "push-snoopdb", type: "postsubmit", head });
    const page = await browser.open(origin);
    page.on("dialog", () => expect.unreachable("a script of the log runs"));
    await logIn(page, await served.token("reader"));
    // Once as it comes, and once as the server has it.
    await page.goto(`/runs/${id}/log`);
    record.log(`${hostile.lines.join("\n")}\n`);
    record.log(hostile.bytes);
    await page.locator(`#L${hostile.lines.length + 1}`).waitFor();
    const texts = () => page.locator(".line .text").allTextContents();
    const live = await texts();
    record.log("x".repeat(long));
    await page
      .locator(`#L${hostile.lines.length + 2}`)
      .getByText("bytes more, in Raw")
      .waitFor();
    await record.finish({ result: "FAILURE" });
    worker.finish(id, { result: "FAILURE", details: { summary: hostile.words } });
    await untilState(queue, id, "ended");
    await worker.stop();

    await page.goto(`/runs/${id}/log`);
    const shown = await texts();
    expect(shown.slice(0, live.length)).toEqual(live);
    expect(shown[2]).toBe("a link and  of the window");
    expect(shown[3]).toBe("cleared before beside");
    expect(shown[4]).toBe(hostile.lines[4]);
    expect(shown[5]).toBe(
      "⟨U+202E⟩gnp.exe⟨U+202C⟩ ⟨U+2066⟩isolated⟨U+2069⟩ zero⟨U+200B⟩width ⟨U+FEFF⟩mark ⟨U+2028⟩line ⟨U+E0041⟩tag",
    );
    expect(shown[7]).toBe("done");
    expect(shown[12]).toBe(hostile.lines[12]);
    expect(shown[13]).toMatch(/^\ufffd+$/);
    expect(shown.at(-1)).toBe(`${"x".repeat(16_384)} … 4\u202f177\u202f920 bytes more, in Raw`);
    const foreign =
      "main script, main img[src=x], main b, main i, main a[href^='javascript:'], main a[href*='evil.example']";
    expect(await page.locator(foreign).count()).toBe(0);
    await page.getByText(/\d chapters/).click();
    const isWider = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
    expect([isWider, await barriersOf(page, false)]).toEqual([false, []]);
    for (const address of [
      `/runs/${id}`,
      "/runs",
      "/",
      "/jobs/push-snoopdb",
      `/runs/${id}/log?find=%3Cscript%3E`,
    ]) {
      await page.goto(address);
      expect(await page.locator("main script, main img[src=x]").count()).toBe(0);
    }
    // Raw has all of it.
    const raw = await served.ask(`/runs/${id}/log`, { as: "reader" });
    expect(raw.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(raw.headers.get("x-content-type-options")).toBe("nosniff");
    const bytes = Buffer.from(`${hostile.lines.join("\n")}\n`).length + hostile.bytes.length + long;
    expect((await raw.arrayBuffer()).byteLength).toBe(bytes);
  });
});
