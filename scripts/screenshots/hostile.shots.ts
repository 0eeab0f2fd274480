import { expect, test } from "vitest";
import { describeBrowser } from "../../test/pages/browser.ts";
import { hostile } from "../../test/pages/hostile-run.ts";
import { logIn, usePages } from "../../test/pages/page-world.ts";
import { ask, startWorker, untilState } from "../../test/queue/support.ts";
import { takePicture } from "./picture.ts";

describeBrowser("pictures of a hostile run", (browser) => {
  const world = usePages();

  test("its log, its page, and the lists that it is in", async () => {
    const { db, queue, runs, origin, token } = await world();
    const worker = startWorker(db, { queue });
    const job = "push-snoopdb";
    const about = { repo: "https://github.com/cncf/apisnoop", ref: hostile.ref, commit: "a".repeat(40) };
    const { id } = await ask(db, { job, ...about });
    const { attempt } = await worker.taken(id);
    const head = { verb: "build", by: hostile.words, subject: hostile.words };
    const record = await runs.start({ id, attempt, job, type: "postsubmit", head });
    record.log(`${hostile.lines.join("\n")}\n`);
    record.log(hostile.bytes);
    record.log("x".repeat(64 * 1024 * 1024));
    await record.finish({ result: "FAILURE" });
    worker.finish(id, { result: "FAILURE", details: { summary: hostile.words } });
    await untilState(queue, id, "ended");
    await worker.stop();
    const page = await browser.open(origin, { viewport: { width: 1280, height: 800 } });
    page.on("dialog", () => expect.unreachable("a script of the run runs"));
    await logIn(page, await token("admin"));
    const shown = { log: `/runs/${id}/log?lines=1-13`, run: `/runs/${id}`, runs: "/runs", now: "/" };
    for (const [name, path] of Object.entries(shown)) {
      await page.goto(path);
      await takePicture(page, `hostile-${name}`);
    }
  });
});
