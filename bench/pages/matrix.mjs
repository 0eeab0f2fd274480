// What the pages of promotions cost: node bench/pages/matrix.mjs [postgres://USER@HOST/DATABASE]
// One run has a million edges, another one 800 images at 22 mirrors. Without an address, the database is the embedded one. The time is that of
// whole answers over loopback; frames are those of Chromium, which has to be in PATH, while somebody scrolls through all rows.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { openDatabase, openMatrixWriter } from "../../dist/internal.js";
import { fill } from "./fill.mjs";
import { prepare, start, token } from "./served.mjs";

const [url] = process.argv.slice(2);
const goal = url === undefined ? 250 : 100;
const frameGoal = 50;
const mirrors = 22;
const folder = prepare(url);
await (await start(folder, url === undefined ? "web,scheduler,worker" : "web")).stop();
const db = await openDatabase(url === undefined ? { folder: join(folder, "data/database") } : { url });
await fill(db, { runs: 1_000, edges: 22 });
const runs = await db.query(
  "SELECT id::text FROM queue_run WHERE state = 'ended' AND kind = 'promote' ORDER BY id DESC LIMIT 2",
);

const digestOf = (number) => `sha256:${number.toString(16).padStart(64, "0")}`;
function planOf(images) {
  const summary = { copy: images * mirrors };
  const items = Array.from({ length: images }, (_, number) => {
    const project = `k8s-staging-project-${number % 75}`;
    const path = `${project}/image-${number % 4_000}`;
    const isWrong = number % 97 === 0;
    return {
      destinations: Array.from(
        { length: mirrors },
        (_, at) => `region-${at + 1}-docker.pkg.dev/prod/${path}`,
      ),
      empty: true,
      images: [
        {
          digest: digestOf(number),
          project,
          source: `gcr.io/${path}`,
          edges: [
            {
              tag: `v1.${number % 40}.${Math.floor(number / 4_000)}`,
              verdict: isWrong ? "conflict" : "copy",
              reason: isWrong ? "tag-at-other-digest" : "digest-absent",
              at: {
                file: `registry.k8s.io/images/${project}/images.yaml`,
                line: (number % 9_000) + 1,
                column: 5,
              },
              ...(isWrong ? { current: digestOf(number + 1) } : {}),
            },
          ],
        },
      ],
    };
  });
  return {
    hash: digestOf(1),
    edgesHash: digestOf(2),
    summary: { present: 0, ...summary },
    sections: [{ kind: "images", present: 0, items }],
  };
}
const fillRun = async (id, images) => {
  const plan = planOf(images);
  const began = performance.now();
  const writer = openMatrixWriter(db, { id, attempt: 1 }, (error) => {
    throw error;
  });
  await writer.plan(plan, "plan");
  process.stdout.write(
    `${images * mirrors} edges are written as ${images} rows in ${((performance.now() - began) / 1000).toFixed(1)} s\n`,
  );
};
const [large, small] = runs.map(({ id }) => id);
await fillRun(large, Math.ceil(1_000_000 / mirrors));
await fillRun(small, 800);
await db.query("ANALYZE promotion_row");
await db.close();

const server = await start(folder);
const headers = { authorization: `Bearer ${token}` };
const rows = [];
const measure = async (name, path) => {
  const times = [];
  for (let round = 0; round < 12; round += 1) {
    const began = performance.now();
    const answer = await fetch(`${server.base}${path}`, { headers });
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    times.push(performance.now() - began);
  }
  times.sort((one, other) => one - other);
  const middle = times[Math.floor(times.length / 2)];
  rows.push(
    `${name.padEnd(52)} ${middle.toFixed(0).padStart(5)} ms  goal ≤ ${goal}: ${middle <= goal ? "met" : "MISSED"}`,
  );
};
const api = `/api/v1/runs/${large}/promotion`;
await measure("sums, mirrors and causes", api);
await measure("first 100 images", `${api}/rows`);
await measure("what is worst first", `${api}/rows?order=worst`);
await measure("100 images behind 30,000", `${api}/rows?skip=30000`);
await measure("images in conflict", `${api}/rows?state=conflict`);
await measure("images with a name that is rare", `${api}/rows?image=image-3999`);
await measure("images with a name that there is not", `${api}/rows?image=nothing-like-that`);
await measure("images of a project, behind 400", `${api}/rows?project=k8s-staging-project-7&skip=400`);
await measure(
  "how many are in conflict at a mirror",
  `${api}/count?state=conflict&mirror=region-7-docker.pkg.dev/prod`,
);
await measure("list of problems", `${api}/edges?state=problem&order=worst`);
await measure("the page", `/runs/${large}/promotion`);
await measure("the page, of what is in conflict", `/runs/${large}/promotion?state=conflict`);
await measure("what the page renews", `/runs/${large}/promotion/part`);
await measure("20 rows of the page", `/runs/${large}/promotion/rows?from=20000&count=20`);
process.stdout.write(`${rows.join("\n")}\n`);

const executablePath = execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const page = await browser.newPage({ baseURL: server.base, viewport: { width: 1440, height: 1000 } });
await page.goto("/login?return=%2Fjobs");
await page.getByLabel("Token").fill(token);
await page.getByRole("button", { name: "Log in" }).click();
await page.waitForURL("/jobs");
for (const [id, name] of [
  [small, "800 images × 22 mirrors"],
  [large, "45,455 images × 22 mirrors"],
]) {
  await page.goto(`/runs/${id}/promotion`);
  await page.locator("#matrix table[role=grid]").waitFor();
  await page.waitForTimeout(1_000);
  const frames = await page.evaluate(async () => {
    const box = document.querySelector("#matrix");
    const frames = [];
    let last = performance.now();
    // 10 seconds of a wheel that turns: 40 pixels a frame, and at last a leap to the end.
    for (let step = 0; step < 560; step += 1) {
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      frames.push(now - last);
      last = now;
      box.scrollTop = step === 559 ? box.scrollHeight : box.scrollTop + 40;
    }
    for (let step = 0; step < 30; step += 1) {
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      frames.push(now - last);
      last = now;
    }
    return frames;
  });
  frames.sort((one, other) => one - other);
  const at = (share) => frames[Math.min(frames.length - 1, Math.floor(share * frames.length))];
  const over = frames.filter((frame) => frame > frameGoal).length;
  process.stdout.write(
    `scrolling ${name}: frames of ${at(0.5).toFixed(0)} ms (half), ${at(0.99).toFixed(0)} ms (99 %), ${at(1).toFixed(0)} ms (all); over ${frameGoal} ms: ${over}: ${over === 0 ? "met" : "MISSED"}\n`,
  );
}
await browser.close();
await server.stop();
