// A promotion of 200 images to 4 registries through the built `waybill serve`, watched in a browser while it goes on: node
// bench/pages/watch.mjs [FOLDER]. Pictures are put into the folder, docs/pictures without one. Chromium and Git have to be in PATH.
// One registry wants pauses (429), one refuses an image, and one has a tag at another digest. What is printed: how long it is from an edge that
// is done, by the record of the run, to the page that counts it; and how long the frames of the page took meanwhile.
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request as forward } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { chromium } from "playwright-core";
import { startRegistryServer } from "../../dist/index.js";
import { start, token } from "./served.mjs";

const pictures = resolve(process.argv[2] ?? join(import.meta.dirname, "../../docs/pictures"));
const images = 200;
const mirrors = ["europe-west1", "us-central1", "us-west2", "asia-east1"];
const projects = [
  "autoscaling",
  "coredns",
  "dns",
  "etcd",
  "ingress-nginx",
  "kas",
  "kubernetes",
  "metrics-server",
];
const goal = 500;
const folder = mkdtempSync(join(tmpdir(), "waybill-watch-"));
const closing = [];

/** Pushes an image of one layer. */
async function push(address, name, tag, bytes) {
  const put = async (path, type, body) => {
    const answer = await fetch(`http://${address}${path}`, {
      method: "PUT",
      headers: { "content-type": type },
      body,
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  };
  const blob = async (content) => {
    const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
    const begun = await fetch(`http://${address}/v2/${name}/blobs/uploads/`, { method: "POST" });
    const place = new URL(begun.headers.get("location"), `http://${address}`);
    place.searchParams.set("digest", digest);
    await put(`${place.pathname}${place.search}`, "application/octet-stream", content);
    return { digest, size: content.length };
  };
  const layer = await blob(randomBytes(bytes));
  const config = await blob(
    Buffer.from(
      JSON.stringify({
        architecture: "amd64",
        os: "linux",
        rootfs: { type: "layers", diff_ids: [layer.digest] },
      }),
    ),
  );
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.image.config.v1+json", ...config },
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", ...layer }],
  });
  await put(`/v2/${name}/manifests/${tag}`, "application/vnd.oci.image.manifest.v1+json", manifest);
  return `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
}

/** A registry that is as slow as one far away, and now and then something else. */
async function farAway(address, answerOf) {
  const server = createServer(async (request, response) => {
    await wait(10 + 20 * Math.random());
    const special = answerOf(request);
    if (special !== undefined) {
      request.resume();
      response.writeHead(special.status, special.headers ?? {});
      response.end(
        JSON.stringify({ errors: [{ code: special.code ?? "DENIED", message: special.message }] }),
      );
      return;
    }
    const { method, url: path, headers } = request;
    const onward = forward(`http://${address}${path}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    // Whoever asks may go away.
    request.on("error", () => onward.destroy());
    try {
      // About 6 MB in a second for each connection.
      for await (const piece of request) {
        if (!onward.write(piece)) await new Promise((done) => onward.once("drain", done));
        await wait(piece.length / 6_000);
      }
    } catch {
      return;
    }
    onward.end();
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  closing.push(() => server.close());
  return `127.0.0.1:${server.address().port}`;
}

const staging = await startRegistryServer({ dir: join(folder, "staging") });
const begun = performance.now();
const behind = [];
for (const mirror of mirrors) behind.push(await startRegistryServer({ dir: join(folder, mirror) }));
closing.push(...[staging, ...behind].map((server) => () => server.close()));
let pauses = 0;
const addresses = await Promise.all(
  behind.map(({ address }, at) =>
    farAway(address, ({ method, url }) => {
      const isWriting = method !== "GET" && method !== "HEAD";
      if (at === 2 && isWriting && url.includes("/blobs/uploads") && pauses < 12 && Math.random() < 0.03) {
        pauses += 1;
        return {
          status: 429,
          headers: { "retry-after": "1" },
          code: "TOOMANYREQUESTS",
          message: "quota exceeded",
        };
      }
      if (at === 3 && method === "PUT" && /\/kas\/kas-1\/manifests\//.test(url)) {
        return { status: 403, message: "this repository is read-only" };
      }
      return undefined;
    }),
  ),
);

const asked = new Map();
for (let at = 0; at < images; at += 1) {
  const project = projects[at % projects.length];
  const name = `${project}-${Math.floor(at / (3 * projects.length)) + 1}`;
  const tag = `v1.${at % 30}.${Math.floor(at / 30)}`;
  const digest = await push(
    staging.address,
    `${project}/${name}`,
    tag,
    50_000 + Math.floor(450_000 * Math.random()),
  );
  const list = asked.get(project) ?? new Map();
  asked.set(project, list.set(name, [...(list.get(name) ?? []), { digest, tag }]));
}
const [taken] = asked.get("dns").get("dns-1");
await push(behind[1].address, "prod/dns/dns-1", taken.tag, 1_000);

const tree = join(folder, "manifests");
for (const [project, list] of asked) {
  mkdirSync(join(tree, "registry/manifests", project), { recursive: true });
  mkdirSync(join(tree, "registry/images", project), { recursive: true });
  const registries = [
    { name: `${staging.address}/${project}`, src: true },
    ...addresses.map((address) => ({ name: `${address}/prod/${project}` })),
  ];
  writeFileSync(
    join(tree, "registry/manifests", project, "promoter-manifest.yaml"),
    JSON.stringify({ registries }),
  );
  const lines = [...list].map(
    ([name, all]) =>
      `- name: ${name}\n  dmap:\n${all.map(({ digest, tag }) => `    "${digest}": ["${tag}"]\n`).join("")}`,
  );
  writeFileSync(join(tree, "registry/images", project, "images.yaml"), lines.join(""));
}
const git = (...words) =>
  execFileSync("git", ["-C", tree, "-c", "user.name=A", "-c", "user.email=a@example.com", ...words]);
git("init", "-q", "-b", "main");
git("add", "-A");
git("commit", "-q", "-m", "Promote 200 images");
writeFileSync(join(folder, "token"), token);
mkdirSync(join(folder, "jobs"));
writeFileSync(
  join(folder, "jobs/jobs.yaml"),
  `jobs:\n- name: promote-images\n  repo: file://${tree}\n  on: { branch: ^none$ }\n  promote: { manifests: registry }\n`,
);
writeFileSync(
  join(folder, "waybill.yaml"),
  `serve:\n  data: data\n  jobs: jobs\n  listen: 127.0.0.1:0\n  access: { adminTokenFile: token }\nhosts:\n${addresses.map((address) => `  "${address}": { concurrency: 12 }\n`).join("")}`,
);
process.stdout.write(
  `${images} images are in staging after ${((performance.now() - begun) / 1000).toFixed(0)} s\n`,
);

const server = await start(folder, "web,scheduler,worker");
const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
const ask = async (path, init) => {
  const answer = await fetch(`${server.base}/api/v1${path}`, { headers, ...init });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer;
};
const executablePath = execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const page = await browser.newPage({ baseURL: server.base, viewport: { width: 1440, height: 1000 } });
await page.goto("/login?return=%2Fjobs");
await page.getByLabel("Token").fill(token);
await page.getByRole("button", { name: "Log in" }).click();
await page.waitForURL("/jobs");

let id;
for (let tries = 0; id === undefined; tries += 1) {
  const answer = await fetch(`${server.base}/api/v1/jobs/promote-images/runs`, {
    method: "POST",
    headers,
    body: JSON.stringify({ ref: "refs/heads/main" }),
  });
  if (answer.ok) ({ id } = await answer.json());
  else if (tries > 100) throw new Error(await answer.text());
  else await wait(200);
}
await page.goto(`/runs/${id}/promotion`);
await page.evaluate(() => {
  window.counted = [];
  window.taken = [];
  const look = () => {
    const text = document.querySelector("#promotion-status strong")?.textContent ?? "";
    const [, done] = /^([0-9\u202f]+) of/.exec(text) ?? [];
    const number = Number((done ?? "0").replaceAll("\u202f", ""));
    if (number > (window.counted.at(-1)?.[0] ?? 0)) window.counted.push([number, Date.now()]);
  };
  new MutationObserver(look).observe(document.querySelector("main"), {
    childList: true,
    subtree: true,
    characterData: true,
  });
  let last = performance.now();
  const frame = (now) => {
    window.taken.push(now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
});
mkdirSync(pictures, { recursive: true });
const doneNow = async () => (await page.evaluate(() => window.counted.at(-1)?.[0])) ?? 0;
const edges = images * mirrors.length;
/** Pictures take frames of their own: those are not counted. */
const picture = async (number) => {
  const kept = await page.evaluate(() => window.taken?.length);
  await page.screenshot({ path: join(pictures, `promotion-${number}.png`) });
  await page.evaluate((length) => window.taken?.splice(length), kept);
  process.stdout.write(`promotion-${number}.png: ${await page.locator("#promotion-status").textContent()}\n`);
};
await page.locator("#promotion-status").waitFor();
await picture(1);
let number = 2;
for (const share of [0.05, 0.3, 0.6, 0.9]) {
  for (;;) {
    const done = await doneNow();
    if (done >= share * edges) break;
    await wait(50);
    if ((await (await ask(`/runs/${id}`)).json()).state === "ended") break;
  }
  await picture(number);
  number += 1;
}
for (;;) {
  if ((await (await ask(`/runs/${id}`)).json()).state === "ended") break;
  await wait(200);
}
await page.locator("h1 .state.failure, h1 .state.success").waitFor();
const { counted, frames } = await page.evaluate(() => ({ counted: window.counted, frames: window.taken }));
await picture(number);
await page.goto(`/runs/${id}/promotion?order=worst`);
await page.locator("#matrix a.cell.conflict").first().click();
await page.locator("#cell").waitFor();
await page.locator("#matrix").scrollIntoViewIfNeeded();
await picture(number + 1);

const events = (await (await ask(`/runs/${id}/artifacts/events.jsonl`)).text())
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));
const done = events.filter(({ type }) => type === "edge-done").map(({ at }) => Date.parse(at));
const late = counted.map(([number, at]) => at - done[number - 1]).sort((one, other) => one - other);
frames.sort((one, other) => one - other);
const judged = (value, most) => (value <= most ? "met" : "MISSED");
const at = (list, share) => list[Math.min(list.length - 1, Math.floor(share * list.length))];
process.stdout.write(
  `${done.length} edges done in ${((done.at(-1) - Date.parse(events[0].at ?? events[1].at)) / 1000).toFixed(1)} s, ${counted.length} renewals of the page\n`,
);
process.stdout.write(
  `an edge that is done is counted on the page after ${at(late, 0.5)} ms (half), ${at(late, 0.95)} ms (95 %), ${late.at(-1)} ms (all)  goal ≤ ${goal} ms: ${judged(at(late, 0.95), goal)}\n`,
);
process.stdout.write(
  `frames while it was watched: ${at(frames, 0.5).toFixed(0)} ms (half), ${at(frames, 0.99).toFixed(0)} ms (99 %), ${frames.at(-1).toFixed(0)} ms (all)\n`,
);
await browser.close();
await server.stop();
for (const close of closing) await close();
rmSync(folder, { recursive: true, force: true });
process.exit(0);
