import { spawn } from "node:child_process";
import { createHash, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createSocketServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { exportJWK, SignJWT } from "jose";
import { type Peer, peer } from "./peers.ts";

/** Fulcio, Rekor 2 and a timestamp authority as they are, each a process of this machine, and an issuer of tokens that Fulcio believes. */
export interface SigstoreServices {
  readonly issuer: string;
  readonly identity: string;
  /** A token of that identity. */
  token(): Promise<string>;
  readonly signingConfig: object;
  readonly trustedRoot: object;
  close(): Promise<void>;
}

const identity = "release@example.com";

/** @param folder For keys, configuration and the log. */
export async function startSigstore(folder: string): Promise<SigstoreServices> {
  await mkdir(folder, { recursive: true });
  const issuer = await startIssuer();
  const [fulcio, fulcioRpc, fulcioMetrics, rekor, rekorRpc, rekorMetrics, tsa] = await freePorts(7);
  const ended: (() => Promise<void>)[] = [issuer.close];
  const start = (name: Peer, line: readonly string[]) => ended.push(startProgram(name, line));
  await writeFile(
    join(folder, "fulcio.yaml"),
    // As JSON it would have other keys.
    `oidc-issuers:
  ${issuer.url}:
    issuer-url: ${issuer.url}
    client-id: sigstore
    type: email
`,
  );
  const log = generateKeyPairSync("ed25519");
  await writeFile(join(folder, "rekor.pem"), log.privateKey.export({ format: "pem", type: "pkcs8" }));
  start("fulcio", [
    ...["serve", "--ca", "ephemeralca", "--ct-log-url", "", "--config-path", join(folder, "fulcio.yaml")],
    ...[
      "--host",
      "127.0.0.1",
      "--port",
      `${fulcio}`,
      "--grpc-host",
      "127.0.0.1",
      "--grpc-port",
      `${fulcioRpc}`,
    ],
    ...["--metrics-port", `${fulcioMetrics}`, "--legacy-unix-domain-socket", join(folder, "fulcio.sock")],
  ]);
  start("rekor-server-posix", [
    ...[
      "serve",
      "--http-port",
      `${rekor}`,
      "--grpc-port",
      `${rekorRpc}`,
      "--http-metrics-port",
      `${rekorMetrics}`,
    ],
    ...["--hostname", "rekor.local", "--signer-filepath", join(folder, "rekor.pem")],
    ...["--storage-dir", join(folder, "log"), "--checkpoint-interval", "1s", "--batch-max-age", "50ms"],
  ]);
  start("timestamp-server", [
    ...["serve", "--host", "127.0.0.1", "--port", `${tsa}`, "--timestamp-signer", "memory"],
    "--disable-ntp-monitoring",
  ]);
  const at = (port: number | undefined) => `http://127.0.0.1:${port}`;
  const authority = await textOf(`${at(fulcio)}/api/v1/rootCert`);
  const stamps = await textOf(`${at(tsa)}/api/v1/timestamp/certchain`);
  await textOf(`${at(rekor)}/healthz`);
  const validFor = { start: new Date(Date.now() - 3_600_000).toISOString() };
  const service = (url: string, majorApiVersion: number) => ({
    ...{ url, majorApiVersion, operator: "local", validFor },
  });
  const spki = log.publicKey.export({ format: "der", type: "spki" });
  return {
    issuer: issuer.url,
    identity,
    token: issuer.token,
    signingConfig: {
      mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
      caUrls: [service(at(fulcio), 1)],
      rekorTlogUrls: [service(at(rekor), 2)],
      rekorTlogConfig: { selector: "ANY" },
      tsaUrls: [service(`${at(tsa)}/api/v1/timestamp`, 1)],
      tsaConfig: { selector: "ANY" },
    },
    trustedRoot: {
      mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
      tlogs: [
        {
          baseUrl: "http://rekor.local",
          hashAlgorithm: "SHA2_256",
          publicKey: {
            rawBytes: spki.toString("base64"),
            keyDetails: "PKIX_ED25519",
            validFor,
          },
          logId: { keyId: checkpointKeyId("rekor.local", spki.subarray(-32)).toString("base64") },
        },
      ],
      certificateAuthorities: [authorityOf(authority, at(fulcio), validFor)],
      ctlogs: [],
      timestampAuthorities: [authorityOf(stamps, at(tsa), validFor)],
    },
    async close() {
      for (const end of ended.reverse()) await end();
    },
  };
}

/** How notes call a key of Ed25519 (C2SP signed-note): the hash of the log's name, the kind and the key, of which Rekor says all. */
function checkpointKeyId(origin: string, key: Uint8Array): Buffer {
  return createHash("sha256")
    .update(`${origin}\n`)
    .update(Buffer.from([1]))
    .update(key)
    .digest();
}

function authorityOf(pem: string, uri: string, validFor: object) {
  const certificates = [...pem.matchAll(/-----BEGIN CERTIFICATE-----([\s\S]+?)-----END/g)].map(
    ([, body = ""]) => ({ rawBytes: body.replace(/\s/g, "") }),
  );
  return {
    subject: { organization: "local", commonName: "local" },
    uri,
    certChain: { certificates },
    validFor,
  };
}

/** Ends with this process. @returns What ends it before. */
function startProgram(name: Peer, line: readonly string[]): () => Promise<void> {
  const child = spawn(peer(name) ?? name, line, {
    stdio: process.env.WAYBILL_PEERS_LOG ? "inherit" : "ignore",
  });
  const over = once(child, "exit");
  const endWithUs = () => child.kill("SIGKILL");
  process.once("exit", endWithUs);
  return async () => {
    process.off("exit", endWithUs);
    child.kill("SIGKILL");
    await over;
  };
}

/** The answer of a service that may still be starting. */
async function textOf(url: string): Promise<string> {
  for (let tries = 0; ; tries += 1) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok === true) return response.text();
    if (tries > 300) throw new Error(`${url} does not answer: ${response?.status}`);
    await sleep(100);
  }
}

async function startIssuer() {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const key = { ...(await exportJWK(publicKey)), kid: "test", alg: "RS256", use: "sig" };
  const server = createServer((request, response) => {
    const isKeys = request.url === "/keys";
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const discovery = {
      issuer: url,
      jwks_uri: `${url}/keys`,
      authorization_endpoint: `${url}/auth`,
      token_endpoint: `${url}/token`,
      id_token_signing_alg_values_supported: ["RS256"],
    };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(isKeys ? { keys: [key] } : discovery));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    token: () =>
      new SignJWT({ email: identity, email_verified: true })
        .setProtectedHeader({ alg: "RS256", kid: "test" })
        .setIssuer(url)
        .setSubject("somebody")
        .setAudience("sigstore")
        .setIssuedAt()
        .setExpirationTime("10m")
        .sign(privateKey),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createSocketServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(
    servers.map(async (server) => {
      server.close();
      await once(server, "close");
    }),
  );
  return ports;
}
