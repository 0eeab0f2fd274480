import { randomBytes } from "node:crypto";
import { mkdir, readdir, truncate, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { holdingLock } from "../../src/disk/index.ts";
import { listRemote, type Mirror, openMirror, removeUnusedMirrors } from "../../src/git/index.ts";
import { createRepository, gitEnvironment, repositoryAt, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { promised } from "../support/promised.ts";
import { answer, serve } from "../support/scripted-server.ts";
import { temporaryFolder } from "../support/tree.ts";

const test = testWith("git");

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let repository: TestRepository;
let url: string;

beforeEach(async () => {
  folder = await temporaryFolder("mirror");
  repository = await createRepository(join(folder.path, "group", "repository"));
  url = pathToFileURL(repository.path).href;
});

afterEach(() => folder.remove());

const mirrorOf = (address = url): Mirror =>
  openMirror({ folder: join(folder.path, "mirrors"), url: address, environment: gitEnvironment });

const list = (address = url) => listRemote(address, { environment: gitEnvironment });

async function commit(files: Readonly<Record<string, string>>, at = repository): Promise<string> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(at.path, path, ".."), { recursive: true });
    await writeFile(join(at.path, path), text);
  }
  return at.commit();
}

describe("a remote", () => {
  test("is listed: branches and tags, with what annotated tags are of, and nothing else", async () => {
    const first = await commit({ a: "1" });
    await repository.git("tag", "v1");
    await repository.git("tag", "--annotate", "--message", "two", "v2");
    await repository.git("update-ref", "refs/pull/1/head", first);
    await repository.git("branch", "feature/ü");
    const tag = await repository.git("rev-parse", "refs/tags/v2");
    expect(tag).not.toBe(first);
    expect(await list()).toEqual([
      { ref: "refs/heads/feature/ü", object: first, commit: first },
      { ref: "refs/heads/main", object: first, commit: first },
      { ref: "refs/tags/v1", object: first, commit: first },
      { ref: "refs/tags/v2", object: tag, commit: first },
    ]);
  });

  test("may have nothing at all", async () => {
    expect(await list()).toEqual([]);
    await mirrorOf().fetch();
  });

  test("that cannot be read is unreachable, and not empty", async () => {
    const missing = pathToFileURL(join(folder.path, "nobody")).href;
    await expect(list(missing)).rejects.toMatchObject({ code: "unreachable", where: missing });
    await expect(mirrorOf(missing).fetch()).rejects.toMatchObject({ code: "unreachable" });
    await expect(mirrorOf(missing).ensure([{ commit: "1".repeat(40) }])).rejects.toMatchObject({
      code: "unreachable",
    });
  });

  test("that never answers is given up", async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const address = silent.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    try {
      const asked = listRemote(`http://127.0.0.1:${port}/a/b`, {
        ...{ environment: gitEnvironment, maxMilliseconds: 50 },
      });
      await expect(asked).rejects.toMatchObject({
        code: "unreachable",
        message: expect.stringContaining("git ls-remote was not done"),
      });
    } finally {
      silent.close();
    }
  });

  for (const version of ["0", "2"]) {
    test(`whose list has no end is given up when it is longer than any, in Git's protocol ${version}`, async () => {
      const packet = (text: string): string => `${(text.length + 4).toString(16).padStart(4, "0")}${text}`;
      const line = packet(`${"1".repeat(40)} refs/heads/main\n`).repeat(1_000);
      const endless = await serve((_, response, { pathname }) => {
        const isFirst = pathname.endsWith("/info/refs");
        const type = isFirst ? "advertisement" : "result";
        response.writeHead(200, { "content-type": `application/x-git-upload-pack-${type}` });
        if (isFirst) response.write(`${packet("# service=git-upload-pack\n")}0000`);
        if (isFirst && version === "2") {
          const able = ["version 2", "ls-refs=unborn", "fetch=shallow"].map((word) => packet(`${word}\n`));
          return void response.end(`${able.join("")}0000`);
        }
        if (isFirst) response.write(packet(`${"1".repeat(40)} HEAD\0agent=git\n`));
        const more = (): void => {
          while (response.write(line));
        };
        response.on("drain", more);
        return more();
      });
      const address = `${endless.origin}/a/b`;
      const options = { environment: gitEnvironment, maxListingBytes: 1024 * 1024 };
      await expect(listRemote(address, options)).rejects.toMatchObject({
        code: "too-many-refs",
        message: "the list of its branches and tags is longer than 1 MiB",
        where: address,
      });
    });
  }

  test("that has more branches and tags than are read is not read in part", async () => {
    await commit({ a: "1" });
    await repository.git("tag", "v1");
    const few = { environment: gitEnvironment, maxListingBytes: 100 };
    await expect(listRemote(url, few)).rejects.toMatchObject({ code: "too-many-refs", where: url });
  });

  test("that leads elsewhere is not followed, and what it leads to is asked for nothing", async () => {
    const elsewhere = await serve((_, response) => answer(response, 404));
    const leading = await serve((request, response) =>
      answer(response, 302, { location: `${elsewhere.origin}${request.url}` }),
    );
    const address = `${leading.origin}/group/repository`;
    // What somebody has configured for himself does not count here.
    const environment = {
      ...gitEnvironment,
      ...{ GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: "http.followRedirects", GIT_CONFIG_VALUE_0: "true" },
    };
    const mirror = openMirror({ folder: join(folder.path, "mirrors"), url: address, environment });
    const unread = { code: "unreachable", hint: expect.stringContaining("at another address by now") };
    await expect(listRemote(address, { environment })).rejects.toMatchObject(unread);
    await expect(mirror.fetch()).rejects.toMatchObject(unread);
    await expect(mirror.ensure([{ commit: "1".repeat(40) }])).rejects.toMatchObject(unread);
    await expect(mirror.defaultBranch()).rejects.toMatchObject(unread);
    expect(await mirror.bring("1".repeat(40), [address])).toBe(false);
    expect(elsewhere.seen).toEqual([]);
  });

  test("is not asked any more once that is called off", async () => {
    const reason = new Error("enough");
    const asked = listRemote(url, { environment: gitEnvironment, signal: AbortSignal.abort(reason) });
    await expect(asked).rejects.toBe(reason);
  });
});

describe("a mirror", () => {
  test("has what the remote has, and forgets what it has no longer", async () => {
    const first = await commit({ a: "1" });
    await repository.git("branch", "other");
    await repository.git("tag", "v1");
    const mirror = mirrorOf();
    await mirror.fetch();
    expect(await mirror.commitOf("refs/heads/other")).toBe(first);
    expect(await mirror.commitOf("refs/tags/v1")).toBe(first);
    expect(await mirror.defaultBranch()).toBe("refs/heads/main");
    // A folder takes the place of a branch.
    await repository.git("branch", "--delete", "--force", "other");
    await repository.git("branch", "other/one");
    const second = await commit({ a: "2" });
    await repository.git("tag", "--force", "v1");
    await mirror.fetch();
    expect(await mirror.commitOf("refs/heads/main")).toBe(second);
    expect(await mirror.commitOf("refs/tags/v1")).toBe(second);
    await expect(mirror.commitOf("refs/heads/other")).rejects.toMatchObject({ code: "unknown-revision" });
  });

  test("says what a push has changed", async () => {
    const first = await commit({ a: "1", "dir/b": "1" });
    await commit({ a: "2" });
    const last = await commit({ a: "1", "dir/c": "1" });
    const mirror = mirrorOf();
    expect(await mirror.ensure([{ commit: last, ref: "refs/heads/main" }, { commit: first }])).toEqual([]);
    expect(await mirror.got(first, last, [])).toEqual({ changes: ["a", "dir/c"], forced: false });
    expect(await mirror.got(undefined, first, [])).toEqual({ changes: ["a", "dir/b"], forced: undefined });
    expect(await mirror.got(undefined, last, [first])).toEqual({
      changes: ["a", "dir/c"],
      forced: undefined,
    });
  });

  test("knows a push that took history back, though the remote has none of it any more", async () => {
    const first = await commit({ a: "1" });
    const taken = await commit({ b: "1" });
    const mirror = mirrorOf();
    await mirror.fetch();
    await repository.git("reset", "--quiet", "--hard", first);
    const back = await mirror.ensure([{ commit: first, ref: "refs/heads/main" }, { commit: taken }]);
    expect(back).toEqual([]);
    expect(await mirror.got(taken, first, [])).toEqual({ changes: ["b"], forced: true });
    const other = await commit({ c: "1" });
    await mirror.ensure([{ commit: other }]);
    expect(await mirror.got(taken, other, [])).toEqual({ changes: ["b", "c"], forced: true });
  });

  test("says that nobody can tell what changed since a commit that is gone", async () => {
    const first = await commit({ a: "1" });
    const gone = "0123456789abcdef0123456789abcdef01234567";
    const mirror = mirrorOf();
    expect(await mirror.ensure([{ commit: first }, { commit: gone }])).toEqual([gone]);
    expect(await mirror.got(gone, first, [])).toEqual({ changes: undefined, forced: undefined });
  });

  test("brings what only another ref has, and what only a fork has", async () => {
    const first = await commit({ a: "1" });
    await repository.git("checkout", "--quiet", "--detach");
    const proposed = await commit({ b: "1" });
    await repository.git("update-ref", "refs/pull/1/head", proposed);
    await repository.git("checkout", "--quiet", "main");
    const main = await commit({ c: "1" });
    const mirror = mirrorOf();
    expect(await mirror.ensure([{ commit: main }, { commit: proposed }])).toEqual([]);
    expect(await mirror.proposed(main, proposed)).toEqual(["b"]);
    const fork = await createRepository(join(folder.path, "group", "fork"));
    const theirs = await commit({ d: "1" }, fork);
    expect(await mirror.bring(theirs, [url, pathToFileURL(fork.path).href])).toBe(true);
    expect(await mirror.bring("1".repeat(40), [url])).toBe(false);
    expect(first).not.toBe(theirs);
  });

  test("takes the tags that have come to a commit that is there already", async () => {
    const first = await commit({ a: "1" });
    const mirror = mirrorOf();
    await mirror.fetch();
    await repository.git("tag", "v1");
    expect(await mirror.ensure([{ commit: first, ref: "refs/tags/v1" }])).toEqual([]);
    expect(await mirror.commitOf("refs/tags/v1")).toBe(first);
  });

  test("is of hashes as the remote has them", async () => {
    const longer = join(folder.path, "longer");
    await mkdir(longer);
    const other = repositoryAt(longer);
    await other.git("init", "--quiet", "--object-format=sha256", "--initial-branch=main");
    const first = await commit({ a: "1" }, other);
    const last = await commit({ b: "1" }, other);
    expect(first).toHaveLength(64);
    const longUrl = pathToFileURL(longer).href;
    expect((await list(longUrl)).map(({ commit }) => commit)).toEqual([last]);
    const mirror = mirrorOf(longUrl);
    await mirror.ensure([{ commit: last }]);
    expect(await mirror.got(first, last, [])).toEqual({ changes: ["b"], forced: false });
  });

  test("is fetched once more when a Git that a killed process left behind has moved a ref meanwhile", async () => {
    const [first, second] = [await commit({ a: "1" }), await commit({ a: "2" })];
    const mirror = mirrorOf();
    await mirror.fetch();
    const once = join(folder.path, "once");
    const hook = join(folder.path, "hook");
    const config = join(folder.path, "config");
    const move = `env -u GIT_DIR git -C '${mirror.folder}' update-ref refs/heads/main ${first} ${second}`;
    await writeFile(hook, `#!/bin/sh\n[ -e '${once}' ] || { : > '${once}'; ${move}; }\nexec "$@"\n`, {
      mode: 0o755,
    });
    // Called when the other side has been asked for what is missing here.
    await writeFile(config, `[uploadpack]\n\tpackObjectsHook = ${hook}\n`);
    const third = await commit({ a: "3" });
    const environment = { ...gitEnvironment, GIT_CONFIG_GLOBAL: config };
    await openMirror({ folder: join(folder.path, "mirrors"), url, environment }).fetch();
    expect(await repositoryAt(mirror.folder).git("rev-parse", "refs/heads/main")).toBe(third);
    expect(await readdir(folder.path)).toContain("once");
  });

  test("is made anew when its own files are damaged, and past locks that a killed Git left", async () => {
    const first = await commit({ a: "1" });
    const mirror = mirrorOf();
    await mirror.fetch();
    const git = join(mirror.folder, ".git");
    const last = await commit({ a: "2" });
    const lock = join(git, "refs", "heads", "main.lock");
    await writeFile(lock, "");
    const old = new Date(Date.now() - 600_000);
    await utimes(lock, old, old);
    await mirror.ensure([{ commit: last, ref: "refs/heads/main" }]);
    for (const name of await readdir(join(git, "objects"), { recursive: true })) {
      if (/[0-9a-f]{38}$|\.pack$/.test(name))
        await truncate(join(git, "objects", name), 0).catch(() => undefined);
    }
    const newest = await commit({ a: "3" });
    expect(await mirror.ensure([{ commit: newest, ref: "refs/heads/main" }, { commit: first }])).toEqual([]);
    expect(await mirror.got(first, newest, [])).toEqual({ changes: ["a"], forced: false });
  });

  test("grows to its bound, says so, and leaves nothing behind of what was too much", async () => {
    await commit({ a: "1" });
    const small = openMirror({
      ...{
        folder: join(folder.path, "mirrors"),
        url,
        environment: gitEnvironment,
        maxBytes: 2 * 1024 * 1024,
      },
    });
    await small.fetch();
    // Of few objects and of many, which Git writes in two ways.
    for (const count of [1, 150]) {
      const files = Object.fromEntries(Array.from({ length: count }, (_, at) => [`many/${at}`, `${at}`]));
      const last = await commit({ ...files, large: randomBytes(3_000_000).toString("latin1") });
      for (let times = 0; times < 2; times += 1) {
        await expect(small.ensure([{ commit: last, ref: "refs/heads/main" }])).rejects.toMatchObject({
          code: "mirror-too-large",
          message: "its mirror would be larger than 2 MiB, which is all that it may have",
          where: url,
          hint: expect.stringContaining("serve.maxMirrorBytes"),
        });
      }
      const left = await readdir(join(small.folder, ".git", "objects"), { recursive: true });
      expect(left.filter((name) => name.includes("tmp_"))).toEqual([]);
      await repository.git("reset", "--quiet", "--hard", "HEAD^");
    }
    // What it has stays of use.
    await small.ensure([{ commit: await commit({ a: "2" }) }]);
    await mirrorOf().fetch();
  });

  test("that is at its bound gives up what the remote has no longer", async () => {
    const first = await commit({ a: "1" });
    await commit({ large: randomBytes(3_000_000).toString("latin1") });
    const wide = mirrorOf();
    await wide.fetch();
    await repository.git("reset", "--quiet", "--hard", first);
    const small = openMirror({
      ...{
        folder: join(folder.path, "mirrors"),
        url,
        environment: gitEnvironment,
        maxBytes: 2 * 1024 * 1024,
      },
    });
    await small.fetch();
    await small.fetch();
    await commit({ a: "2" });
    await repository.git("branch", "kept");
    await commit({ large: randomBytes(3_000_000).toString("latin1") });
    await repository.git("branch", "--move", "main", "gone");
    await repository.git("switch", "--quiet", "--create", "main", "kept");
    await wide.fetch();
    await repository.git("branch", "--delete", "--force", "gone");
    await commit({ medium: randomBytes(1_200_000).toString("latin1") });
    await small.fetch();
    expect(await small.ensure([{ commit: await commit({ a: "2" }) }])).toEqual([]);
  });

  test("that nobody uses goes after a time, and no other", async () => {
    await commit({ a: "1" });
    const other = await createRepository(join(folder.path, "group", "other"));
    await commit({ a: "1" }, other);
    const mirrors = [mirrorOf(), mirrorOf(pathToFileURL(other.path).href)];
    for (const mirror of mirrors) await mirror.fetch();
    const [kept, gone] = mirrors.map((mirror) => basename(mirror.folder));
    const place = join(folder.path, "mirrors");
    const long = new Date(Date.now() - 3600_000);
    expect(await removeUnusedMirrors(place, { urls: [], since: long })).toEqual([]);
    for (const mirror of mirrors) await utimes(mirror.folder, long, long);
    const since = new Date(Date.now() - 1800_000);
    expect(await removeUnusedMirrors(place, { urls: [url], since })).toEqual([gone]);
    expect(await readdir(place)).toEqual([kept]);
    await utimes(join(place, kept ?? ""), long, long);
    await mirrorOf().fetch();
    expect(await removeUnusedMirrors(place, { urls: [], since })).toEqual([]);
    expect(await removeUnusedMirrors(join(folder.path, "nowhere"), { urls: [], since })).toEqual([]);
  });

  test("is not waited for any more once that is called off, whoever holds it", async () => {
    const first = await commit({ a: "1" });
    const stop = new AbortController();
    const mirror = openMirror({
      ...{ folder: join(folder.path, "mirrors"), url, environment: gitEnvironment, signal: stop.signal },
    });
    const entered = promised<void>();
    const goOn = promised<void>();
    await mkdir(join(folder.path, "mirrors"));
    const holder = holdingLock(
      `${mirror.folder}.lock`,
      () => {
        entered.resolve();
        return goOn.promise;
      },
      { failure: (error) => new Error(String(error)) },
    );
    await entered.promise;
    const waiting = mirror.ensure([{ commit: first }]);
    const reason = new Error("enough");
    stop.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    goOn.resolve();
    await holder;
  });

  test("is used by many at once", async () => {
    const first = await commit({ a: "1" });
    const mirrors = Array.from({ length: 6 }, () => mirrorOf());
    await Promise.all(mirrors.map((mirror) => mirror.ensure([{ commit: first, ref: "refs/heads/main" }])));
    expect(await Promise.all(mirrors.map((mirror) => mirror.commitOf("refs/heads/main")))).toEqual(
      mirrors.map(() => first),
    );
    expect(await readdir(join(folder.path, "mirrors"))).toHaveLength(1);
  });
});
