import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  openSigner,
  SigningError,
  type SigningEvent,
  type SigningServices,
  signatureStatement,
  simpleSigningPayload,
  statementBytes,
} from "../../src/signing/index.ts";
import { openVerifier, publicKeyOf } from "../../src/sigstore/index.ts";
import {
  actions,
  image,
  minute,
  type SigstoreWorld,
  sigstoreWorld,
  trustedRootOf,
  workflow,
} from "../sigstore/world.ts";
import { keyKinds, privatePem } from "./keys.ts";
import { signingServices } from "./services.ts";
import {
  type Disturbance,
  type SigstoreServer,
  serveSigstore,
  subjectIn,
  tokenOf,
} from "./sigstore-server.ts";

const folder = mkdtempSync(join(tmpdir(), "waybill-keyless-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let world: SigstoreWorld;
beforeAll(async () => {
  world = await sigstoreWorld();
});

const statement = statementBytes(signatureStatement({ digest: image, name: "registry.example.com/app" }));
const payload = simpleSigningPayload(image, "registry.example.com/app");
const token = tokenOf({ sub: workflow, iss: actions });
const verifiers = async () => openVerifier({ trustedRoot: await trustedRootOf(world) });
const signedByRun = { state: "verified", by: { kind: "certificate", identity: workflow, issuer: actions } };

let files = 0;
function written(text: string): string {
  files += 1;
  const file = join(folder, `file-${files}`);
  writeFileSync(file, text);
  return file;
}

interface Config {
  readonly logs?: readonly (1 | 2)[];
  readonly timestamps?: boolean;
}

function configFor({ origin }: SigstoreServer, { logs = [1], timestamps = false }: Config = {}): string {
  const validFor = { start: "2020-01-01T00:00:00Z" };
  const service = (url: string, majorApiVersion: number) => ({
    url,
    majorApiVersion,
    validFor,
    operator: "us",
  });
  return written(
    JSON.stringify({
      mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
      caUrls: [service(origin, 1)],
      rekorTlogUrls: logs.map((version) => service(origin, version)),
      rekorTlogConfig: { selector: "ANY" },
      tsaUrls: timestamps ? [service(`${origin}/api/v1/timestamp`, 1)] : [],
      tsaConfig: { selector: "ANY" },
    }),
  );
}

async function keyless(config: Config, disturb?: Disturbance, others: Partial<SigningServices> = {}) {
  const server = await serveSigstore(() => world, disturb);
  const signer = openSigner(
    "release",
    { keyless: { token: { file: written(token) } }, signingConfig: configFor(server, config) },
    signingServices({}, others),
  );
  return { server, signer };
}

/** One that knows whose certificates it wants. */
async function expecting(identity: string, tokenFile: string) {
  const server = await serveSigstore(() => world);
  return openSigner(
    "release",
    { keyless: { token: { file: tokenFile }, identity, issuer: actions }, signingConfig: configFor(server) },
    signingServices({}),
  );
}

async function failureOf(work: Promise<unknown>): Promise<SigningError> {
  const failure: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(SigningError);
  return failure as SigningError;
}

describe("a keyless signer", () => {
  it("that knows whose certificates it wants needs no token to say so, and signs as nobody else", async () => {
    const without = await expecting(workflow, join(folder, "no-token"));
    expect(await without.identity()).toEqual(signedByRun.by);
    expect(await failureOf(without.bundle(statement))).toMatchObject({ code: "signer-unavailable" });
    const right = await expecting(workflow, written(token));
    const { signature } = await (await verifiers()).bundle(await right.bundle(statement), image);
    expect(signature).toMatchObject(signedByRun);
    const wrong = await expecting(`${workflow}-too`, written(token));
    expect(await failureOf(wrong.bundle(statement))).toMatchObject({
      code: "signer-invalid",
      message: expect.stringContaining(`${workflow}-too`),
    });
  });

  it.each([
    ["Rekor 1", { logs: [1] }, [["dsse", "0.0.1"]]],
    ["Rekor 1 and a timestamp", { logs: [1], timestamps: true }, [["dsse", "0.0.1"]]],
    ["Rekor 2 and a timestamp", { logs: [1, 2], timestamps: true }, [["hashedrekord", "0.0.2"]]],
  ] as const)("makes bundles that are verified, with %s", async (_, config, kinds) => {
    const { server, signer } = await keyless(config);
    const { signature, statement: said } = await (await verifiers()).bundle(
      await signer.bundle(statement),
      image,
    );
    expect(signature).toMatchObject(signedByRun);
    expect(said?.subjects[0]?.name).toBe("registry.example.com/app");
    expect(server.logged.map(({ kind, apiVersion }) => [kind, apiVersion])).toEqual(kinds);
  });

  it("makes signatures and envelopes of cosign's older layout that are verified", async () => {
    const { server, signer } = await keyless({ logs: [2, 1] });
    const annotations = await signer.simpleSigning(payload);
    expect((await (await verifiers()).simpleSigning(payload, annotations, image)).signature).toMatchObject(
      signedByRun,
    );
    expect(subjectIn(annotations["dev.sigstore.cosign/certificate"] ?? "")).toBe(`URI:${workflow}`);
    const envelope = await signer.envelope(statement);
    const read = await (await verifiers()).envelope(envelope.bytes, envelope.annotations, image);
    expect(read.signature).toMatchObject(signedByRun);
    expect(server.logged.map(({ kind }) => kind)).toEqual(["hashedrekord", "dsse"]);
  });

  it("asks for one certificate for what it signs in the next minutes", async () => {
    const { server, signer } = await keyless({});
    await Promise.all(Array.from({ length: 5 }, () => signer.bundle(statement)));
    await signer.simpleSigning(payload);
    expect(server.asked.filter((path) => path === "/api/v2/signingCert")).toHaveLength(1);
  });

  it("says whose signatures it makes, by what the certificate says", async () => {
    const { signer } = await keyless({});
    expect(await signer.identity()).toEqual({ kind: "certificate", identity: workflow, issuer: actions });
  });

  it("waits for a log that answers 429, and tells of it", async () => {
    const events: SigningEvent[] = [];
    const { server, signer } = await keyless(
      {},
      (path, times) =>
        path === "/api/v1/log/entries" && times < 3
          ? { status: 429, headers: { "retry-after": "0" } }
          : undefined,
      { listener: (event) => events.push(event) },
    );
    expect((await (await verifiers()).bundle(await signer.bundle(statement), image)).signature).toMatchObject(
      signedByRun,
    );
    expect(server.asked.filter((path) => path === "/api/v1/log/entries")).toHaveLength(3);
    expect(events).toMatchObject([{ type: "waiting" }, { type: "waiting" }]);
  });

  it("makes a signature anew that was seen when its certificate had ended", async () => {
    const late = await sigstoreWorld(new Date(Date.now() + 20 * minute));
    const current = world;
    let isLate = true;
    const server = await serveSigstore(
      () => (isLate ? { ...current, tlog: late.tlog } : current),
      (path, times) => {
        if (path === "/api/v1/log/entries") isLate = times === 1;
        return undefined;
      },
    );
    const signer = openSigner(
      "release",
      { keyless: { token: { file: written(token) } }, signingConfig: configFor(server) },
      signingServices(),
    );
    expect((await (await verifiers()).bundle(await signer.bundle(statement), image)).signature).toMatchObject(
      signedByRun,
    );
    expect(server.asked.filter((path) => path === "/api/v2/signingCert")).toHaveLength(2);
  });

  it("does not sign where nothing would prove when", async () => {
    const { server, signer } = await keyless({ logs: [2] });
    const failure = await failureOf(signer.bundle(statement));
    expect(failure).toMatchObject({ code: "signer-invalid", hint: expect.stringContaining("tsaUrls") });
    expect(server.logged).toEqual([]);
  });

  it("does not sign in the older layout without a log that it has room for", async () => {
    const { signer } = await keyless({ logs: [2], timestamps: true });
    const failure = await failureOf(signer.simpleSigning(payload));
    expect(failure.message).toBe(
      "none of its services is a log for cosign's older layout that can be used now",
    );
  });

  it.each([
    ["/api/v2/signingCert", 400, "signing-refused", /the certificate authority answers 400: no such issuer/],
    ["/api/v1/log/entries", 400, "signing-refused", /the log answers 400: no such issuer/],
    ["/api/v1/log/entries", 200, "signing-unreachable", /the log answered something else than it should/],
    ["/api/v1/timestamp", 200, "signing-unreachable", /answered with no timestamp of this signature/],
  ])("says what %s answers with %d", async (where, status, code, message) => {
    const { signer } = await keyless({ timestamps: true }, (path) =>
      path === where ? { status, body: `no such issuer ${token}` } : undefined,
    );
    const failure = await failureOf(signer.bundle(statement));
    expect(failure.code).toBe(code);
    expect(failure.message).toMatch(message);
    expect(failure.message).not.toContain(token);
  });

  it("does not tell its token to an authority that is not behind TLS", async () => {
    const config = written(
      JSON.stringify({
        mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        caUrls: [{ url: "http://fulcio.example.com", majorApiVersion: 1 }],
        rekorTlogUrls: [{ url: "https://rekor.example.com", majorApiVersion: 1 }],
        rekorTlogConfig: { selector: "ANY" },
      }),
    );
    const keylessOptions = { token: { file: written(token) } };
    const signer = openSigner(
      "release",
      { keyless: keylessOptions, signingConfig: config },
      signingServices(),
    );
    expect(await failureOf(signer.bundle(statement))).toMatchObject({
      code: "signer-invalid",
      where: config,
    });
  });
});

describe("a key whose signatures are logged", () => {
  const { privateKey, publicKey } = keyKinds["P-256"]();
  const key = () => written(privatePem(privateKey));
  const keyVerifier = async () =>
    openVerifier({ keys: [publicKeyOf(publicKey, "a key")], trustedRoot: await trustedRootOf(world) });

  it.each([1, 2] as const)("has its entry in bundles, with Rekor %d", async (version) => {
    const server = await serveSigstore(() => world);
    const options = { key: key(), signingConfig: configFor(server, { logs: [version] }) };
    const bundle = await openSigner("release", options, signingServices()).bundle(statement);
    expect((await (await keyVerifier()).bundle(bundle, image)).signature).toMatchObject({
      state: "verified",
    });
    expect(JSON.parse(Buffer.from(bundle).toString()).verificationMaterial.tlogEntries).toHaveLength(1);
  });

  it("takes the entry that is there already, where the same was logged before", async () => {
    const server = await serveSigstore(() => world);
    const pem = privatePem(keyKinds["RSA 2048"]().privateKey);
    const options = { key: written(pem), signingConfig: configFor(server) };
    const signer = openSigner("release", options, signingServices());
    expect(await signer.bundle(statement)).toEqual(await signer.bundle(statement));
    expect(server.logged).toHaveLength(1);
  });

  it("is refused where the log takes no such signatures", async () => {
    const server = await serveSigstore(() => world);
    const pem = privatePem(keyKinds.Ed25519().privateKey);
    const options = { key: written(pem), signingConfig: configFor(server, { logs: [2] }) };
    const failure = await failureOf(openSigner("release", options, signingServices()).bundle(statement));
    expect(failure).toMatchObject({ code: "signer-invalid", hint: expect.stringContaining("P-256") });
  });

  it("is in no log where the configuration names none", async () => {
    const signingConfig = written(
      '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}',
    );
    const signer = openSigner("release", { key: key(), signingConfig }, signingServices());
    const { verificationMaterial } = JSON.parse(Buffer.from(await signer.bundle(statement)).toString());
    expect(Object.keys(verificationMaterial)).toEqual(["publicKey"]);
  });
});
