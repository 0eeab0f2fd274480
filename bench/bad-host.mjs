// What one of four production registries costs that cannot be worked with: node bench/bad-host.mjs [COMMAND] [IMAGES]
// [DIST]. COMMAND is plan, promote, verify or wait; DIST is another build to compare with. Shown are seconds, lines on both
// streams, connections to the bad registry, requests that it has seen, and those that carried the password.
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { createServer as createSocketServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const [command = "plan", count = "300", dist = "dist"] = process.argv.slice(2);
const images = Number(count);
const folder = mkdtempSync(join(tmpdir(), "waybill-bench-"));
const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: "application/vnd.oci.image.index.v1+json",
  manifests: [],
});
const digest = `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
const seen = { requests: 0, passwords: 0 };

/** A registry that holds one image under every name. */
const registry = (delay) => (request, response) => {
  const headers = {
    "content-type": "application/vnd.oci.image.index.v1+json",
    "docker-content-digest": digest,
  };
  setTimeout(() => {
    if (request.url.includes("/manifests/")) return response.writeHead(200, headers).end(manifest);
    if (request.url.includes("/tags/list")) return response.end(JSON.stringify({ tags: ["v1"] }));
    response.writeHead(404).end();
  }, delay);
};

/** Counts what a registry is asked. */
const counted = (listener) => (request, response) => {
  seen.requests += 1;
  if (request.headers.authorization?.startsWith("Basic")) seen.passwords += 1;
  listener(request, response);
};

const listen = async (server, port = 0) => {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
};
const portOf = (server) => server.address().port;

const deadPort = async () => {
  const server = await listen(createServer());
  const port = portOf(server);
  server.close();
  await once(server, "close");
  return port;
};

const certificate = () => {
  const [key, cert] = ["key", "cert"].map((name) => join(folder, `${name}.pem`));
  execFileSync(
    "openssl",
    ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", key, "-out", cert],
    { stdio: "ignore" },
  );
  return { key: readFileSync(key), cert: readFileSync(cert) };
};

const refusing = (request, response) => {
  if (request.url.startsWith("/token"))
    return response.writeHead(401).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
  const realm = `http://${request.headers.host}/token`;
  response.writeHead(401, { "www-authenticate": `Bearer realm="${realm}",service="bench"` }).end();
};

/** What is bad about the fourth registry; gives its port, and what ends it. */
const scenarios = {
  "all well": async () => await listen(createServer(counted(registry(5)))),
  "dead port": async () => await deadPort(),
  "wrong password": async () => await listen(createServer(counted(refusing))),
  "untrusted certificate": async () => await listen(createSecureServer(certificate(), counted(registry(5)))),
  "plain HTTP, not TLS": async () => await listen(createServer(counted(registry(5)))),
  "back after 2 s": async () => {
    const port = await deadPort();
    setTimeout(() => void listen(createServer(counted(registry(5))), port), 2_000);
    return port;
  },
  "accepts, never answers": async () => await listen(createSocketServer(() => undefined)),
};

const run = async (name, begin) => {
  Object.assign(seen, { requests: 0, passwords: 0 });
  const delay = name === "back after 2 s" ? 250 : 5;
  const live = await Promise.all([1, 2, 3].map(() => listen(createServer(registry(delay)))));
  const staging = await listen(createServer(registry(5)));
  const begun = await begin();
  const bad = typeof begun === "number" ? begun : portOf(begun);
  const hosts = [...live.map(portOf), bad].map((port) => `127.0.0.1:${port}`);
  const tree = join(folder, name.replaceAll(/\W/g, "-"));
  for (const kind of ["manifests", "images"]) mkdirSync(join(tree, kind, "bench"), { recursive: true });
  const registries = [`127.0.0.1:${portOf(staging)}/staging`, ...hosts.map((host) => `${host}/prod`)];
  const lines = registries.map((place, at) => `- name: ${place}\n${at === 0 ? "  src: true\n" : ""}`);
  writeFileSync(join(tree, "manifests", "bench", "promoter-manifest.yaml"), `registries:\n${lines.join("")}`);
  const listed = Array.from(
    { length: images },
    (_, at) => `- name: image-${at}\n  dmap:\n    "${digest}": ["v1"]\n`,
  );
  writeFileSync(join(tree, "images", "bench", "images.yaml"), listed.join(""));
  const isSecure = name === "untrusted certificate" || name === "plain HTTP, not TLS";
  const config = join(tree, "waybill.yaml");
  writeFileSync(config, isSecure ? `hosts:\n  127.0.0.1:${bad}: { http: false }\n` : "hosts: {}\n");
  const auths = { [`127.0.0.1:${bad}`]: { auth: Buffer.from("me:wrong").toString("base64") } };
  const docker = join(tree, "docker");
  mkdirSync(docker);
  writeFileSync(
    join(docker, "config.json"),
    JSON.stringify({ auths: name === "wrong password" ? auths : {} }),
  );
  const connections = join(tree, "connections.json");
  const began = performance.now();
  const more = { promote: ["--confirm"], wait: ["--timeout", "1s"] }[command] ?? [];
  const child = spawn(
    process.execPath,
    [
      ...["--import", resolve("bench/connect-hook.mjs"), join(resolve(dist), "bin", "waybill.js")],
      ...[command, tree, "--config", config, ...more],
    ],
    { env: { ...process.env, DOCKER_CONFIG: docker, COUNT_CONNECTIONS: connections, NO_COLOR: "1" } },
  );
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  const [code] = await once(child, "close");
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const toBad = JSON.parse(readFileSync(connections, "utf8"))[bad] ?? 0;
  const cells = [seconds, text.split("\n").length - 1, toBad, seen.requests, seen.passwords, code];
  console.log([name.padEnd(24), ...cells.map((cell) => String(cell).padStart(11))].join(" "));
  if (process.env.SHOW !== undefined) console.log(text.split("\n").slice(0, 12).join("\n"));
};

try {
  const head = ["seconds", "lines", "connections", "requests", "passwords", "exit code"];
  console.log(
    [`${command}, ${images} images`.padEnd(24), ...head.map((cell) => cell.padStart(11))].join(" "),
  );
  for (const [name, begin] of Object.entries(scenarios)) {
    if (process.env.ONLY === undefined || process.env.ONLY === name) await run(name, begin);
  }
} finally {
  rmSync(folder, { recursive: true });
}
process.exit();
