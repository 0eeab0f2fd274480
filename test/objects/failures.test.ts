import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openIdentities } from "../../src/clouds/index.ts";
import { messageOf } from "../../src/errors/index.ts";
import { type ObjectError, openBucket, openObjects } from "../../src/objects/index.ts";
import { startCloud } from "../support/cloud.ts";
import { type S3Server, s3Key, startS3Server } from "../support/s3-server.ts";
import { temporaryFolder } from "../support/tree.ts";

let server: S3Server;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  server = await startS3Server("records");
  folder = await temporaryFolder("objects");
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});
beforeEach(() => {
  server.objects.clear();
  server.fail.length = 0;
});

const quick = { firstBackoff: 1, maxBackoff: 1 };
const open = (environment: NodeJS.ProcessEnv, place = "s3://records") =>
  openObjects(place, { network: { environment }, timing: quick });
const textOf = async (store: ReturnType<typeof open>, path: string) => {
  const pieces: Uint8Array[] = [];
  for await (const piece of (await store.get(path))?.body ?? []) pieces.push(piece);
  return Buffer.concat(pieces).toString();
};
const thrownBy = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: ObjectError) => error,
  );

describe("a bucket", () => {
  test("that fails for a moment is asked again", async () => {
    const store = open(server.environment);
    server.fail.push(500, 503);
    await store.put("a", "x");
    server.fail.push(503);
    expect(await textOf(store, "a")).toBe("x");
  });

  test("that goes on failing is unreachable, and no absence is made of it", async () => {
    const store = open(server.environment);
    server.fail.push(...Array.from({ length: 20 }, () => 503));
    expect(await thrownBy(store.get("a"))).toMatchObject({ code: "objects-unreachable", status: 503 });
  });

  test("refuses a wrong key, and nothing that is said shows one", async () => {
    const wrong = { ...server.environment, AWS_SECRET_ACCESS_KEY: "wrong", AWS_SESSION_TOKEN: "other" };
    for (const environment of [wrong, { ...wrong, AWS_SECRET_ACCESS_KEY: s3Key.secret }]) {
      const error = await thrownBy(open(environment).put("a", "x"));
      expect(error).toMatchObject({ code: "object-forbidden", status: 403, where: "s3://records" });
      const shown = `${messageOf(error)} ${error?.hint} ${JSON.stringify(error)}`;
      for (const secret of [s3Key.secret, s3Key.session, "wrong"]) expect(shown).not.toContain(secret);
    }
    expect(server.objects.size).toBe(0);
  });

  test("that is not there is no absence of its objects", async () => {
    const store = open(server.environment, "s3://other");
    expect(await thrownBy(store.get("a"))).toMatchObject({ code: "bucket-missing" });
    expect(await thrownBy(store.put("a", ""))).toMatchObject({ code: "bucket-missing" });
  });

  test("that does not answer is unreachable", async () => {
    const away = await startS3Server("records");
    await away.close();
    const store = open(away.environment);
    expect(await thrownBy(store.get("a"))).toMatchObject({ code: "objects-unreachable" });
  });

  test("is used with the key of a file, and with the one that replaces it", async () => {
    const file = join(folder.path, "credentials");
    const { AWS_ENDPOINT_URL_S3, AWS_REGION } = server.environment;
    const environment = {
      AWS_ENDPOINT_URL_S3,
      AWS_REGION,
      AWS_SHARED_CREDENTIALS_FILE: file,
      AWS_PROFILE: "ci",
    };
    const store = open(environment);
    const missing = { code: "object-credentials-missing", where: file };
    expect(await thrownBy(store.put("a", "x"))).toMatchObject(missing);
    await writeFile(file, "[default]\naws_access_key_id = other\naws_secret_access_key = other\n");
    expect(await thrownBy(store.put("a", "x"))).toMatchObject(missing);
    const profile = (secret: string) =>
      `[ci]\naws_access_key_id = ${s3Key.id}\naws_secret_access_key=${secret}\naws_session_token = ${s3Key.session}\n`;
    await writeFile(file, profile("old"));
    expect(await thrownBy(store.put("a", "x"))).toMatchObject({ code: "object-forbidden" });
    await writeFile(file, profile(s3Key.secret));
    await store.put("a", "x");
    expect(await textOf(store, "a")).toBe("x");
  });
});

describe("a folder", () => {
  test("shows no links, nothing that is unfinished, and nothing outside", async () => {
    const path = join(folder.path, "linked");
    await mkdir(join(path, "real"), { recursive: true });
    await writeFile(join(path, "real", "file"), "x");
    await writeFile(join(folder.path, "secret"), "secret");
    await symlink(join(folder.path, "secret"), join(path, "link"));
    await symlink(join(path, "real"), join(path, "folder"));
    const store = openObjects(path);
    await store.put("new", "x");
    const listed: string[] = [];
    for await (const { path } of store.list("", { isDeep: true })) listed.push(path);
    expect(listed).toEqual(["new", "real/file"]);
    for (const path of ["link", "folder/file", "real"]) expect(await store.get(path)).toBeUndefined();
    await expect(store.put(".unfinished/x", "x")).rejects.toMatchObject({ code: "invalid-object-path" });
  });

  test("that cannot be written says so", async () => {
    const file = join(folder.path, "file");
    await writeFile(file, "x");
    const error = { code: "objects-unwritable", hint: expect.any(String) };
    await expect(openObjects(file).put("a", "x")).rejects.toMatchObject(error);
  });
});

test.each(["", "s3://", "s3://A_B", "ftp://a/b", "s3://bucket/../x", "gs://bucket"])(
  "%j is no place",
  (place) => {
    expect(() => openObjects(place)).toThrow(expect.objectContaining({ name: "ObjectError" }));
  },
);

test.each(["https://host", "https://user:pass@host/bucket", "https://host/bucket?x=1", "gs://"])(
  "%j cannot be read",
  (place) => {
    expect(() => openBucket(place)).toThrow(expect.objectContaining({ code: "invalid-place" }));
    expect(() => openBucket(place)).not.toThrow("pass");
  },
);

test("a bucket is written with the key of an identity, and without one it is said why", async () => {
  const container = await startCloud({
    "/credentials": ({ headers }) =>
      headers.authorization === "pod-token"
        ? [
            200,
            {
              AccessKeyId: s3Key.id,
              SecretAccessKey: s3Key.secret,
              Token: s3Key.session,
              Expiration: new Date(Date.now() + 3_600_000).toISOString(),
            },
          ]
        : [401],
  });
  const environment = {
    ...{ AWS_ENDPOINT_URL_S3: server.origin, AWS_REGION: "eu-west-2", HOME: folder.path },
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${container.origin}/credentials`,
  };
  const storeWith = (more: NodeJS.ProcessEnv) => {
    const network = { environment: { ...environment, ...more } };
    const identities = openIdentities({ identities: {}, network });
    const key = async () => (await identities.aws("aws")).value;
    return openObjects("s3://records", { network, timing: quick, key });
  };
  const store = storeWith({ AWS_CONTAINER_AUTHORIZATION_TOKEN: "pod-token" });
  await store.put("a.txt", "written");
  expect(await textOf(store, "a.txt")).toBe("written");
  expect(container.asked).toHaveLength(1);
  expect(await thrownBy(storeWith({}).put("a.txt", "x"))).toMatchObject({
    ...{ code: "object-credentials-missing", where: "s3://records" },
    message: expect.stringContaining("answers 401"),
  });
});
