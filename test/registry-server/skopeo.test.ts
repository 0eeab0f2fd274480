import { mkdir, readFile, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import bcrypt from "bcryptjs";
import { describe, expect } from "vitest";
import { outputOf, run } from "../support/child.ts";
import { testWith } from "../support/programs.ts";
import { ask, pushSample, startForTest, temporaryFolder } from "./client.ts";
import { image, index, lastOf, type Sample, types } from "./samples.ts";

const skopeo = (...args: readonly string[]) => outputOf("skopeo", ["--insecure-policy", ...args]);
/** Random layers are not compressed; without this skopeo would see to that. */
const asItIs = "--preserve-digests";
const noTls = ["--src-tls-verify=false", "--dest-tls-verify=false"];

/** An image for two platforms. */
const multiArch = () => index([image(), image({ architecture: "arm64" })]);

/** Writes a sample as an OCI image layout, with its last manifest under the tag. */
async function writeLayout(sample: Sample, tag: string): Promise<string> {
  const dir = join(await temporaryFolder(), "layout");
  await mkdir(join(dir, "blobs", "sha256"), { recursive: true });
  for (const { digest, bytes } of [...sample.blobs, ...sample.manifests]) {
    await writeFile(join(dir, "blobs", ...digest.split(":")), bytes);
  }
  const { mediaType, digest, bytes } = lastOf(sample);
  const annotations = { "org.opencontainers.image.ref.name": tag };
  const manifests = [{ mediaType, digest, size: bytes.length, annotations }];
  await writeFile(
    join(dir, "index.json"),
    JSON.stringify({ schemaVersion: 2, mediaType: types.index, manifests }),
  );
  await writeFile(join(dir, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  return dir;
}

/** Whether the layout that skopeo wrote holds every manifest and blob of the sample. */
async function expectLayout(dir: string, sample: Sample): Promise<void> {
  const written = JSON.parse(await readFile(join(dir, "index.json"), "utf8")) as {
    manifests: [{ digest: string }];
  };
  expect(written.manifests[0].digest).toBe(lastOf(sample).digest);
  for (const { digest, bytes } of [...sample.blobs, ...sample.manifests]) {
    expect((await readFile(join(dir, "blobs", ...digest.split(":")))).equals(bytes)).toBe(true);
  }
}

describe("skopeo, an independent client", () => {
  testWith("skopeo")("copies a multi-arch image in, across, and out again", async () => {
    const { address, url } = await startForTest();
    const sample = multiArch();
    const layout = await writeLayout(sample, "v1");
    await skopeo("copy", "--all", asItIs, ...noTls, `oci:${layout}:v1`, `docker://${address}/team/app:v1`);
    const raw = await skopeo("inspect", "--raw", "--tls-verify=false", `docker://${address}/team/app:v1`);
    expect(raw).toBe(Buffer.from(lastOf(sample).bytes).toString("utf8"));
    await skopeo(
      ...["copy", "--all", asItIs, ...noTls],
      ...[`docker://${address}/team/app:v1`, `docker://${address}/prod/app:v1`],
    );
    const out = join(await temporaryFolder(), "out");
    await skopeo("copy", "--all", asItIs, ...noTls, `docker://${address}/prod/app:v1`, `oci:${out}:v1`);
    await expectLayout(out, sample);
    const listed = JSON.parse(
      await skopeo("list-tags", "--tls-verify=false", `docker://${address}/prod/app`),
    );
    expect(listed.Tags).toEqual(["v1"]);

    await skopeo("delete", "--tls-verify=false", `docker://${address}/prod/app:v1`);
    expect((await ask(url, "GET", "/v2/prod/app/manifests/v1")).status).toBe(404);
    expect((await ask(url, "GET", "/v2/team/app/manifests/v1")).status).toBe(200);
  });

  testWith("skopeo")("converts to Docker's schema 2 on its way in, and pulls that", async () => {
    const { address } = await startForTest();
    const layout = await writeLayout(image(), "v1");
    const target = `docker://${address}/team/app:v1`;
    await skopeo("copy", "--format", "v2s2", ...noTls, `oci:${layout}:v1`, target);
    const raw = JSON.parse(await skopeo("inspect", "--raw", "--tls-verify=false", target)) as {
      mediaType: string;
    };
    expect(raw.mediaType).toBe(types.dockerManifest);
    const out = join(await temporaryFolder(), "out");
    await skopeo("copy", ...noTls, target, `dir:${out}`);
  });

  testWith("skopeo")("logs in with a password, and not without", async () => {
    const htpasswd = join(await temporaryFolder(), "htpasswd");
    await writeFile(htpasswd, `ann:${await bcrypt.hash("s3cret", 5)}\n`);
    const { address } = await startForTest({ htpasswd });
    const sample = multiArch();
    const source = `oci:${await writeLayout(sample, "v1")}:v1`;
    const target = `docker://${address}/team/app:v1`;
    const copy = ["copy", "--all", asItIs, ...noTls];
    for (const credentials of [
      ["--dest-no-creds"],
      ["--dest-creds", "ann:wrong"],
      ["--dest-creds", "bob:s3cret"],
    ]) {
      const refused = await run("skopeo", ["--insecure-policy", ...copy, ...credentials, source, target]);
      expect(refused.code).not.toBe(0);
      expect(refused.stderr).toMatch(/unauthorized|authentication required|log in/i);
    }
    await skopeo(...copy, "--dest-creds", "ann:s3cret", source, target);
    const out = join(await temporaryFolder(), "out");
    await skopeo(...copy, "--src-creds", "ann:s3cret", target, `oci:${out}:v1`);
    await expectLayout(out, sample);
  });

  testWith("skopeo", "openssl")("trusts the registry's own CA over TLS, and nothing else", async () => {
    const certificates = await makeCertificates();
    const { address, url } = await startForTest({ tls: certificates });
    expect(url).toBe(`https://${address}`);
    const sample = multiArch();
    const source = `oci:${await writeLayout(sample, "v1")}:v1`;
    const target = `docker://${address}/team/app:v1`;
    const refused = await run("skopeo", ["--insecure-policy", "copy", "--all", asItIs, source, target]);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/certificate|x509/);
    await skopeo("copy", "--all", asItIs, "--dest-cert-dir", certificates.trusted, source, target);
    const out = join(await temporaryFolder(), "out");
    await skopeo("copy", "--all", asItIs, "--src-cert-dir", certificates.trusted, target, `oci:${out}:v1`);
    await expectLayout(out, sample);
  });
});

describe("TLS", () => {
  testWith("openssl")("closing does not wait for connections that are kept alive", async () => {
    const certificates = await makeCertificates();
    const server = await startForTest({ tls: certificates });
    const ca = await readFile(join(certificates.trusted, "ca.crt"));
    const status = await new Promise((resolve, reject) => {
      const sent = request(new URL("/v2/", server.url), { ca }, (response) => {
        response.resume().on("end", () => resolve(response.statusCode));
      });
      sent.on("error", reject).end();
    });
    expect(status).toBe(200);
    await server.close();
  });

  testWith("openssl")("does not speak plain HTTP", async () => {
    const server = await startForTest({ tls: await makeCertificates() });
    expect((await ask(server.url, "GET", "/v2/")).status).toBe(400);
    await expect(pushSample(server.url, "a", image(), "v1")).rejects.toThrow();
  });
});

interface Certificates {
  readonly cert: string;
  readonly key: string;
  /** A folder with the CA's certificate, as skopeo wants it. */
  readonly trusted: string;
}

/** A CA of our own, and a certificate from it for 127.0.0.1. */
async function makeCertificates(): Promise<Certificates> {
  const dir = await temporaryFolder();
  const trusted = join(dir, "trusted");
  await mkdir(trusted);
  const [caKey, caCert] = [join(dir, "ca.key"), join(trusted, "ca.crt")];
  const [key, cert, csr, extensions] = ["key.pem", "cert.pem", "csr.pem", "san.txt"].map((name) =>
    join(dir, name),
  ) as [string, string, string, string];
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await outputOf("openssl", [
    ...["req", "-x509", ...newKey, "-days", "2", "-subj", "/CN=Waybill test CA"],
    ...["-keyout", caKey, "-out", caCert],
  ]);
  await outputOf("openssl", ["req", ...newKey, "-subj", "/CN=127.0.0.1", "-keyout", key, "-out", csr]);
  await writeFile(extensions, "subjectAltName=IP:127.0.0.1");
  await outputOf("openssl", [
    ...["x509", "-req", "-in", csr, "-CA", caCert, "-CAkey", caKey, "-CAcreateserial"],
    ...["-days", "2", "-extfile", extensions, "-out", cert],
  ]);
  return { cert, key, trusted };
}
