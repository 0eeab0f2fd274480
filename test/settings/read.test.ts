import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { defaultSettings, parseSettings, readSettings, SettingsError } from "../../src/settings/index.ts";

/** The error that parsing throws; a text that parses fails the test. */
function refusal(text: string, file = "waybill.yaml"): SettingsError {
  try {
    parseSettings(text, file);
  } catch (error) {
    if (error instanceof SettingsError) return error;
    throw error;
  }
  throw new Error("the text was accepted");
}

/** Every problem as `line:column message`. */
function problems(text: string): string[] {
  return refusal(text).diagnostics.map(({ at, message }) => `${at?.line}:${at?.column} ${message}`);
}

describe("a settings file", () => {
  test("becomes settings, with numbers, sizes and absolute paths", () => {
    const text = [
      "hosts:",
      "  registry.example.com:",
      "    tls: { ca: certs/ca.pem, cert: /abs/cert.pem, key: ../key.pem }",
      "    concurrency: 8",
      "    requestsPerSecond: 0.5",
      "    retries: 0",
      "    chunkSize: 16MiB",
      "    tokenOrigins: [https://auth.example.com]",
      "  localhost:5000: { http: true, allowPrivateAddresses: false }",
      "locations:",
      "  - { repository: gcr.io/k8s-staging-foo, at: oci:../usb/foo }",
      "  - { repository: us.gcr.io, at: localhost:5000/mirror }",
      "credentials:",
      "  - repository: registry.example.com/team",
      "    username: robot",
      "    passwordFile: secrets/robot",
      "  - { repository: docker.io, helper: desktop }",
      "  - { repository: ghcr.io, anonymous: true }",
      "forges:",
      "  git.example.com: { kind: gitea }",
      "  localhost:3000: { kind: gitlab, http: true }",
      "releases:",
      '  mine: { stable: ["v{major}.{minor}.{patch+1}-rc.0", "latest-{major}"], rc: [], separately: true }',
      "runs: { record: true, folder: ../records }",
      "serve:",
      "  readingCredentials: [{ repository: ghcr.io, username: reader, passwordEnv: READER }]",
      "  jobCredentials: { build-app: [{ repository: ghcr.io/app, helper: robot }] }",
      "",
    ].join("\n");
    expect(parseSettings(text, "/etc/waybill/waybill.yaml")).toEqual({
      hosts: {
        "registry.example.com": {
          tls: { ca: "/etc/waybill/certs/ca.pem", cert: "/abs/cert.pem", key: "/etc/key.pem" },
          concurrency: 8,
          requestsPerSecond: 0.5,
          retries: 0,
          chunkBytes: 16 * 1024 * 1024,
          tokenOrigins: ["https://auth.example.com"],
        },
        "localhost:5000": { http: true, allowPrivateAddresses: false },
      },
      locations: [
        { repository: "gcr.io/k8s-staging-foo", at: "oci:/etc/usb/foo" },
        { repository: "us.gcr.io", at: "localhost:5000/mirror" },
      ],
      credentials: [
        {
          repository: "registry.example.com/team",
          username: "robot",
          passwordFile: "/etc/waybill/secrets/robot",
          where: "/etc/waybill/waybill.yaml:14",
        },
        { repository: "docker.io", helper: "desktop", where: "/etc/waybill/waybill.yaml:17" },
        { repository: "ghcr.io", anonymous: true, where: "/etc/waybill/waybill.yaml:18" },
      ],
      identities: {},
      secretManagers: {},
      forges: {
        "git.example.com": { kind: "gitea" },
        "localhost:3000": { kind: "gitlab", http: true },
      },
      destinations: {},
      runs: { record: true, folder: "/etc/records" },
      serve: {
        readingCredentials: [
          {
            repository: "ghcr.io",
            username: "reader",
            passwordEnv: "READER",
            where: "/etc/waybill/waybill.yaml:26",
          },
        ],
        jobCredentials: {
          "build-app": [
            { repository: "ghcr.io/app", helper: "robot", where: "/etc/waybill/waybill.yaml:27" },
          ],
        },
      },
      releases: {
        mine: { stable: ["v{major}.{minor}.{patch+1}-rc.0", "latest-{major}"], rc: [], separately: true },
      },
      trust: {},
    });
  });

  test.each([
    ["is empty", ""],
    ["holds comments alone", "# nothing yet\n"],
    ["has sections without entries", "hosts:\nlocations:\ncredentials: ~\n"],
  ])("that %s means the defaults", (_, text) => {
    expect(parseSettings(text, "waybill.yaml")).toEqual(defaultSettings);
  });

  test("is told about all its problems at once, in the order of its lines", () => {
    const text = [
      "hosts:",
      "  GHCR.io: { http: yes }",
      "  registry.example.com:",
      "  a.example.com:",
      "    concurency: 3",
      "    retries: many",
      "    retries: 3",
      "locations:",
      "  - at: /mnt/usb",
      "  - foo",
      "wat: 1",
    ].join("\n");
    expect(problems(text)).toEqual([
      "2:3 a registry host is written in lower case",
      "2:20 expected true or false",
      "3:24 hosts.registry.example.com: expected a mapping, found nothing",
      '5:5 unknown key "concurency" in a host',
      "6:14 expected a whole number from 0 to 20",
      "7:5 the key retries stands twice",
      "9:5 repository is missing",
      "9:9 a folder is written with oci: before it",
      "10:5 locations[1]: expected a mapping, found a text",
      '11:1 unknown key "wat" in waybill.yaml',
    ]);
    expect(refusal(text).where).toBe("waybill.yaml");
    expect(refusal(text).message).toContain("waybill.yaml:5:5: unknown key");
  });

  test("with one problem says so in one line, with place and hint", () => {
    expect(refusal("host:\n  a.b: {}\n", "/etc/waybill.yaml")).toMatchObject({
      code: "settings-invalid",
      where: "/etc/waybill.yaml:1:1",
      message: 'unknown key "host" in waybill.yaml',
      hint: "did you mean hosts?",
    });
  });

  test.each([
    ["a plain scalar", "hello", "1:1 expected a mapping, found a text"],
    ["a list", "- hosts", "1:1 expected a mapping, found a list"],
    ["a list of hosts", "hosts: []", "1:8 hosts: expected a mapping, found a list"],
    ["a mapping of locations", "locations: { a.b: c.d }", "1:12 locations: expected a list, found a mapping"],
    ["two documents", "hosts: {}\n---\nhosts: {}\n", "2:1 a second document starts here"],
    ["a host with scheme", "hosts: { https://a.b: {} }", "1:10 expected a host without scheme or path"],
    ["a host without dot", "hosts: { registry: {} }", '1:10 "registry" is no registry host'],
    ["a zero", "hosts: { a.b: { concurrency: 0 } }", "1:30 expected a whole number from 1 to 1000"],
    ["a fraction", "hosts: { a.b: { concurrency: 1.5 } }", "1:30 expected a whole number from 1 to 1000"],
    ["no rate", "hosts: { a.b: { requestsPerSecond: 0 } }", "1:36 expected a number above 0, at most 100000"],
    ["an unknown unit", "hosts: { a.b: { chunkSize: 16Mb } }", "1:28 expected a size such as 16MiB"],
    ["a size too small", "hosts: { a.b: { chunkSize: 10 } }", "1:28 expected a size from 64KiB to 1GiB"],
    ["HTTP with TLS", "hosts: { a.b: { http: true, tls: { ca: x } } }", "1:29 plain HTTP knows no TLS"],
    ["half a client certificate", "hosts: { a.b: { tls: { cert: x } } }", "1:24 cert needs key beside it"],
    [
      "a realm that is no origin",
      "hosts: { a.b: { tokenOrigins: [https://a.b/token] } }",
      "1:32 expected an origin without user, path or trailing slash",
    ],
    ["a home folder", "hosts: { a.b: { tls: { ca: ~/ca } } }", "1:28 ~ is not expanded here"],
    [
      "a prefix with a trailing slash",
      "locations: [{ repository: gcr.io/, at: b.c }]",
      "1:27 it has an empty path component",
    ],
    [
      "a prefix twice",
      "locations: [{ repository: a.b, at: b.c }, { repository: a.b, at: d.e }]",
      "1:57 this prefix has an entry already, number 1 of the list",
    ],
    [
      "a rule without a way to a credential",
      "credentials: [{ repository: a.b }]",
      "1:15 expected exactly one of: username with a password, helper, identity, anonymous",
    ],
    [
      "a rule with two ways",
      "credentials: [{ repository: a.b, helper: x, anonymous: true }]",
      "1:15 expected exactly one of: username with a password, helper, identity, anonymous",
    ],
    [
      "a name without a password",
      "credentials: [{ repository: a.b, username: me }]",
      "1:15 username needs one of: passwordFile, passwordEnv, passwordFrom",
    ],
    [
      "a password without a name",
      "credentials: [{ repository: a.b, passwordEnv: PW }]",
      "1:15 a password needs username beside it",
    ],
    [
      "a helper with a path",
      "credentials: [{ repository: a.b, helper: ../evil }]",
      "1:42 expected the name of a Docker credential helper",
    ],
    [
      "a rule that is not anonymous",
      "credentials: [{ repository: a.b, anonymous: false }]",
      "1:45 expected true; leave the line out otherwise",
    ],
    [
      "a kind of forge that nobody knows",
      "forges: { git.example.com: { kind: bitbucket } }",
      "1:36 expected github, gitlab or gitea",
    ],
    [
      "a name of a profile that could be something else",
      "releases: { 'My Profile': {} }",
      "1:13 a profile is named by lower case letters, digits, dots and dashes, 64 at most",
    ],
    ["an unknown cut", "releases: { mine: { first-rcs: [] } }", '1:21 unknown key "first-rcs" in a profile'],
    [
      "a number that versions do not have",
      "releases: { mine: { rc: ['v{mayor}'] } }",
      '1:26 nothing is known by the name "{mayor}"',
    ],
    ["a template of no tag", "releases: { mine: { rc: ['-{major}'] } }", "1:26 this would be no tag"],
    ["a template with an open brace", "releases: { mine: { rc: ['v{major'] } }", "1:26 this would be no tag"],
  ])("is refused with %s", (_, text, problem) => {
    expect(problems(text)).toEqual([problem]);
  });

  test("says where YAML itself is broken", () => {
    expect(refusal("hosts:\n\ta.b: {}\n")).toMatchObject({
      where: "waybill.yaml:2:1",
      hint: "YAML is indented with spaces, never with tabs",
    });
  });

  test("holds no secret: a password is refused, with the place where it belongs, and never repeated", () => {
    const secret = "hunter2";
    const texts = [
      `credentials: [{ repository: a.b, username: me, password: ${secret} }]`,
      `credentials: [{ repository: a.b, username: me, token: ${secret} }]`,
      `credentials: [{ repository: a.b, username: me, passwordEnv: "${secret}!" }]`,
      `credentials: [{ repository: "https://me:${secret}@a.b", anonymous: true }]`,
      `hosts: { "me:${secret}@a.b": {} }`,
      `hosts: { a.b: { tokenOrigins: ["https://me:${secret}@a.b"] } }`,
      `locations: [{ repository: a.b, at: "me:${secret}@a.b" }]`,
    ];
    for (const text of texts) {
      const error = refusal(text);
      expect(`${error.message} ${error.hint} ${JSON.stringify(error.diagnostics)}`).not.toContain(secret);
    }
    const [text = ""] = texts;
    expect(refusal(text).diagnostics).toContainEqual(
      expect.objectContaining({
        at: { line: 1, column: 48 },
        message: 'unknown key "password" in a credential',
        hint: "no secret may stand in this file: keep it in a file and name that with passwordFile, or in a variable and name that with passwordEnv",
      }),
    );
  });

  test("is never taken for something else: any text gives settings or a SettingsError", () => {
    const keys = fc.constantFrom(
      ...[
        "hosts",
        "locations",
        "credentials",
        "forges",
        "releases",
        "stable",
        "a.b",
        "repository",
        "at",
        "tls",
        "destinations",
        "registries",
        "name",
        "__proto__",
        "constructor",
      ],
    );
    const value = fc.letrec((tie) => ({
      node: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom("", "~", "true", "1", "a.b/c", "oci:x", "{", "'"),
        fc.array(tie("node"), { maxLength: 3 }).map((items) => `[${items.join(", ")}]`),
        fc
          .array(fc.tuple(keys, tie("node")), { maxLength: 4 })
          .map((entries) => `{${entries.map(([key, node]) => `${key}: ${node}`).join(", ")}}`),
      ),
    })).node;
    fc.assert(
      fc.property(value, (text) => {
        try {
          const settings = parseSettings(String(text), "waybill.yaml");
          expect(Object.keys(settings)).toEqual([
            ...[
              "hosts",
              "locations",
              "credentials",
              "identities",
              "secretManagers",
              "forges",
              "releases",
              "destinations",
              "runs",
              "serve",
              "trust",
            ],
          ]);
        } catch (error) {
          expect(error).toBeInstanceOf(SettingsError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("byte sizes", () => {
  const size = (text: string) =>
    parseSettings(`hosts: { a.b: { chunkSize: ${text} } }`, "waybill.yaml").hosts["a.b"]?.chunkBytes;

  test.each([
    ["1048576", 1048576],
    ["1048576B", 1048576],
    ["500kB", 500_000],
    ["500 KB", 500_000],
    ["64KiB", 65_536],
    ["5MB", 5_000_000],
    ["5MiB", 5_242_880],
    ["1GB", 1_000_000_000],
    ["1GiB", 1_073_741_824],
  ])("%s is %i bytes", (text, bytes) => {
    expect(size(text)).toBe(bytes);
  });
});

describe("reading from the disk", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "waybill-settings-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("no file gives the defaults", async () => {
    expect(await readSettings(undefined)).toBe(defaultSettings);
  });

  test("paths start from the folder of the file, not from the working directory", async () => {
    const file = join(folder, "waybill.yaml");
    await writeFile(file, "hosts: { a.b: { tls: { ca: ca.pem } } }\n");
    const settings = await readSettings(file);
    expect(settings.hosts["a.b"]?.tls?.ca).toBe(resolve(folder, "ca.pem"));
  });

  test("a missing file is an error", async () => {
    await expect(readSettings(join(folder, "none.yaml"))).rejects.toMatchObject({
      code: "settings-unreadable",
      message: "the settings file does not exist",
      where: join(folder, "none.yaml"),
    });
  });

  test("a folder, bytes that are no UTF-8 and a file of two megabytes are errors", async () => {
    await expect(readSettings(folder)).rejects.toMatchObject({ code: "settings-unreadable" });
    const binary = join(folder, "binary.yaml");
    await writeFile(binary, Buffer.from([0xff, 0xfe, 0x41]));
    await expect(readSettings(binary)).rejects.toMatchObject({ message: "the settings file is not UTF-8" });
    const long = join(folder, "long.yaml");
    await writeFile(long, "#".repeat(2 ** 21));
    await expect(readSettings(long)).rejects.toMatchObject({ code: "settings-unreadable" });
  });
});
