import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ForgeError, type ForgeKind, findToken, type TokenPlaces } from "../../src/forge/index.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "waybill-token-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function put(path: string, content: string, mode = 0o600): Promise<string> {
  const file = join(home, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content, { mode });
  await chmod(file, mode);
  return file;
}

type Extra = Omit<TokenPlaces, "environment"> & { readonly environment?: TokenPlaces["environment"] };

const find = (host: string, kind: ForgeKind, { environment, ...extra }: Extra = {}) =>
  findToken(host, kind, { environment: { HOME: home, ...environment }, ...extra });

const failure = async (host: string, kind: ForgeKind, extra: Extra = {}): Promise<ForgeError> => {
  const error = await find(host, kind, extra).then(
    ({ source }) => new Error(`found in ${source}`),
    (thrown: unknown) => thrown as ForgeError,
  );
  expect(error).toMatchObject({ name: "ForgeError", code: "token-missing" });
  return error as ForgeError;
};

describe("variables", () => {
  it.each([
    ["github.com", "github", { GH_TOKEN: "t" }, "GH_TOKEN"],
    ["github.com", "github", { GITHUB_TOKEN: "t", GH_TOKEN: "t" }, "GH_TOKEN"],
    ["github.com", "github", { GITHUB_TOKEN: "t" }, "GITHUB_TOKEN"],
    [
      "ghe.example.org",
      "github",
      { GITHUB_TOKEN: "t", GITHUB_SERVER_URL: "https://ghe.example.org" },
      "GITHUB_TOKEN",
    ],
    [
      "ghe.example.org",
      "github",
      { GH_ENTERPRISE_TOKEN: "t", GH_HOST: "ghe.example.org" },
      "GH_ENTERPRISE_TOKEN",
    ],
    ["gitlab.com", "gitlab", { GITLAB_TOKEN: "t" }, "GITLAB_TOKEN"],
    [
      "gitlab.example.org",
      "gitlab",
      { GITLAB_TOKEN: "t", CI_SERVER_HOST: "gitlab.example.org" },
      "GITLAB_TOKEN",
    ],
    [
      "git.example.org:3000",
      "gitea",
      { GITEA_TOKEN: "t", GITEA_SERVER_URL: "http://git.example.org:3000/" },
      "GITEA_TOKEN",
    ],
    ["codeberg.org", "gitea", { FORGEJO_TOKEN: "t" }, "FORGEJO_TOKEN"],
  ] as const)("of %s as %s are found in %j", async (host, kind, environment, source) => {
    expect(await find(host, kind, { environment })).toEqual({ token: "t", source, warnings: [] });
  });

  it.each([
    ["ghe.example.org", "github", "GITHUB_TOKEN", {}],
    ["ghe.example.org", "github", "GH_TOKEN", {}],
    ["ghe.example.org", "github", "GH_ENTERPRISE_TOKEN", {}],
    ["ghe.example.org", "github", "GH_ENTERPRISE_TOKEN", { GH_HOST: "other.example.org" }],
    // In a workflow of a server of one's own, the token is that server's.
    ["github.com", "github", "GITHUB_TOKEN", { GITHUB_SERVER_URL: "https://ghe.example.org" }],
    ["github.com.example.org", "github", "GITHUB_TOKEN", {}],
    ["gitlab.example.org", "gitlab", "GITLAB_TOKEN", {}],
    ["gitlab.com", "gitlab", "GITLAB_TOKEN", { CI_SERVER_HOST: "gitlab.example.org" }],
    ["git.example.org", "gitea", "GITEA_TOKEN", {}],
    ["git.example.org", "gitea", "WAYBILL_FORGE_TOKEN", {}],
    ["git.example.org", "gitea", "GITHUB_TOKEN", { GITHUB_SERVER_URL: "https://git.example.org" }],
  ] as const)("give %s (%s) nothing of %s, which is another's (%j)", async (host, kind, name, others) => {
    const error = await failure(host, kind, { environment: { [name]: "very-secret", ...others } });
    expect(JSON.stringify([error.message, error.hint])).not.toContain("very-secret");
  });

  it("are for a host that the user names or configures", async () => {
    const environment = { GITLAB_TOKEN: "t", GITEA_TOKEN: "u", WAYBILL_FORGE_TOKEN: "" };
    expect(
      (await find("git.example.org", "gitlab", { environment, namedHost: "Git.Example.org" })).token,
    ).toBe("t");
    const settings = { "git.example.org": { kind: "gitea" } } as const;
    expect((await find("git.example.org", "gitea", { environment, settings })).token).toBe("u");
    await failure("git.example.org", "gitlab", { environment, settings });
    const any = { WAYBILL_FORGE_TOKEN: "any" };
    const found = await find("git.example.org", "gitea", { environment: any, namedHost: "git.example.org" });
    expect(found).toEqual({ token: "any", source: "WAYBILL_FORGE_TOKEN", warnings: [] });
    await failure("git.example.org", "gitea", { environment: any, namedHost: "other.example.org" });
  });

  it("that are not used are said, and so is what GitLab's job token cannot do", async () => {
    const github = await failure("ghe.example.org", "github", { environment: { GITHUB_TOKEN: "secret" } });
    expect(github.hint).toMatch(/GITHUB_TOKEN is not used: it is for github\.com/);
    const gitlab = await failure("gitlab.com", "gitlab", { environment: { CI_JOB_TOKEN: "secret" } });
    expect(gitlab.hint).toMatch(/set GITLAB_TOKEN.*CI_JOB_TOKEN may not open merge requests/);
    const odd = await failure("github.com", "github", { environment: { GITHUB_TOKEN: "two words" } });
    expect(odd.hint).toContain("GITHUB_TOKEN holds no token");
  });
});

describe("what the forge's own command line has stored", () => {
  it("is read where gh keeps it, for its host alone", async () => {
    const file = await put(".config/gh/hosts.yml", "github.com:\n    oauth_token: gho_x\n    user: me\n");
    expect(await find("github.com", "github")).toEqual({ token: "gho_x", source: file, warnings: [] });
    expect((await failure("ghe.example.org", "github")).hint).toContain(
      "gh auth login --hostname ghe.example.org",
    );
    const other = await put("elsewhere/hosts.yml", "github.com:\n    oauth_token: gho_y\n");
    const environment = { GH_CONFIG_DIR: dirname(other) };
    expect((await find("github.com", "github", { environment })).token).toBe("gho_y");
  });

  it("says how to get at a token that gh keeps in the keyring", async () => {
    await put(".config/gh/hosts.yml", "github.com:\n    users:\n        me:\n    user: me\n");
    expect((await failure("github.com", "github")).hint).toContain("gh auth token --hostname github.com");
  });

  it("is read where glab and tea keep it", async () => {
    await put(".config/glab-cli/config.yml", "hosts:\n    gitlab.com:\n        token: !!null glpat-x\n");
    expect((await find("gitlab.com", "gitlab")).token).toBe("glpat-x");
    await put("xdg/tea/config.yml", "logins:\n- name: one\n  url: http://localhost:3000\n  token: abc\n");
    const environment = { XDG_CONFIG_HOME: join(home, "xdg") };
    expect((await find("localhost:3000", "gitea", { environment })).token).toBe("abc");
    await failure("localhost:3001", "gitea", { environment });
  });

  it("is warned of when everybody can read it", async () => {
    await put(".config/gh/hosts.yml", "github.com:\n    oauth_token: gho_x\n", 0o644);
    const { warnings } = await find("github.com", "github");
    expect(warnings).toHaveLength(1);
    expect(warnings.join()).not.toContain("gho_x");
  });

  it.each(["{", "- a\n", "", "github.com: 5\n", "github.com:\n  oauth_token: [gho_secret]\n"])(
    "is no token, and is not quoted: %j",
    async (content) => {
      await put(".config/gh/hosts.yml", content);
      const error = await failure("github.com", "github");
      expect(`${error.message} ${error.hint}`).not.toContain("gho_secret");
    },
  );
});

describe("a file that was named", () => {
  it("comes first, and holds the token alone", async () => {
    const file = await put("token", "  abc\n");
    const found = await find("github.com", "github", { file, environment: { GH_TOKEN: "t" } });
    expect(found).toEqual({ token: "abc", source: file, warnings: [] });
  });

  it("is refused when everybody can read it, and warned of when its group can", async () => {
    const open = await put("open", "abc\n", 0o644);
    expect((await failure("github.com", "github", { file: open })).hint).toContain("chmod 600");
    const shared = await put("shared", "abc\n", 0o640);
    expect((await find("github.com", "github", { file: shared })).warnings).toHaveLength(1);
  });

  it.each(["", "two words", "a\nb\n", "ünïcode"])("is refused when it holds %j", async (content) => {
    const file = await put("token", content);
    const error = await failure("github.com", "github", { file, environment: { GH_TOKEN: "t" } });
    expect(error.where).toBe(file);
  });

  it("is refused when it is not there", async () => {
    await failure("github.com", "github", { file: join(home, "none"), environment: { GH_TOKEN: "t" } });
  });
});

it("a token that settings refer to goes before all other places, and is the only one", async () => {
  const settings = { "git.example.com": { kind: "gitea", tokenFrom: "vault:forge#token" } } as const;
  const environment = { WAYBILL_FORGE_TOKEN: "other" };
  const readSecret = async (reference: string) => `token of ${reference}`.replaceAll(" ", "-");
  expect(await findToken("git.example.com", "gitea", { settings, environment, readSecret })).toEqual({
    ...{ token: "token-of-vault:forge#token", source: "vault:forge#token", warnings: [] },
  });
  for (const broken of [undefined, async () => "", async () => Promise.reject(new Error("Vault is away"))]) {
    await expect(
      findToken("git.example.com", "gitea", { settings, environment, readSecret: broken }),
    ).rejects.toMatchObject({ code: "token-missing", where: "vault:forge#token" });
  }
});
