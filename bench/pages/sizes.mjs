// What a browser loads for the pages, compressed: node bench/pages/sizes.mjs
import { gzipSync } from "node:zlib";
import { prepare, start, token } from "./served.mjs";

const server = await start(prepare(undefined), "web,scheduler");
const loaded = new Map();
for (const path of ["/", "/runs", "/jobs", "/images", "/production", "/reviews", "/settings", "/login"]) {
  const answer = await fetch(`${server.base}${path}`, { headers: { authorization: `Bearer ${token}` } });
  for (const [, name] of (await answer.text()).matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)) {
    if (loaded.has(name)) continue;
    const asset = await fetch(`${server.base}${name}`);
    loaded.set(name, gzipSync(Buffer.from(await asset.arrayBuffer())).length);
  }
}
await server.stop();
for (const [kind, ending, goal] of [
  ["scripts", ".js", 60_000],
  ["style", ".css", 20_000],
]) {
  const sizes = [...loaded].filter(([name]) => name.split("?")[0].endsWith(ending));
  const sum = sizes.reduce((total, [, size]) => total + size, 0);
  process.stdout.write(
    `${kind}: ${sum} bytes compressed  goal ≤ ${goal}: ${sum <= goal ? "met" : "MISSED"}\n`,
  );
}
