// How long it is from a change of a run to a page that shows it, in a browser: node bench/pages/live.mjs [postgres://USER@HOST/DATABASE]
// 50 runs are asked for, one after the other, while somebody looks at what goes on. The page is warm; Chromium has to be in PATH. The
// clock is one: from when the API has answered the act, to when the browser has put the row in its page.
import { execFileSync } from "node:child_process";
import { chromium } from "playwright-core";
import { prepare, start, token } from "./served.mjs";

const [url] = process.argv.slice(2);
const goal = 500;
const changes = 50;
const folder = prepare(url);
// Nobody carries runs out: they wait, and are aborted.
const server = await start(folder, url === undefined ? "web,scheduler" : "web");
const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
const act = async (path, body) => {
  const answer = await fetch(`${server.base}/api/v1${path}`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return { at: performance.timeOrigin + performance.now(), document: await answer.json() };
};
const executablePath = execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const page = await browser.newPage({ baseURL: server.base });
await page.goto("/login?return=%2F");
await page.getByLabel("Token").fill(token);
await page.getByRole("button", { name: "Log in" }).click();
await page.waitForURL("/");
await page.waitForTimeout(1_000);

const taken = [];
for (let change = 0; change < changes; change += 1) {
  const { at, document } = await act(`/jobs/job-${change + 1}/runs`, { ref: "refs/heads/main" });
  const seen = await page.evaluate(
    (id) =>
      new Promise((resolve) => {
        const look = () => {
          if (document.getElementById(`waiting-${id}`) === null) return false;
          resolve(performance.timeOrigin + performance.now());
          return true;
        };
        if (look()) return;
        const observer = new MutationObserver(() => {
          if (look()) observer.disconnect();
        });
        observer.observe(document.body, { childList: true, subtree: true, attributes: true });
      }),
    document.id,
  );
  taken.push(Math.max(0, seen - at));
  await act(`/runs/${document.id}/abort`, {});
  await page.locator(`#waiting-${document.id}`).waitFor({ state: "detached" });
}
await browser.close();
await server.stop();
taken.sort((one, other) => one - other);
const [middle, longest] = [taken[Math.floor(taken.length / 2)], taken.at(-1)];
const judged = (milliseconds) => (milliseconds <= goal ? "met" : "MISSED");
process.stdout.write(
  `half of ${changes} changes are shown within ${middle.toFixed(0)} ms  goal ≤ ${goal} ms: ${judged(middle)}\n`,
);
process.stdout.write(`all of them within ${longest.toFixed(0)} ms  goal ≤ ${goal} ms: ${judged(longest)}\n`);
