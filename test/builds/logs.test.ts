import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createImageLedger } from "../../src/builds/image-ledger.ts";
import { askedFor, type SaidPush, SaidPushes } from "../../src/builds/said-pushes.ts";
import { createStepLog, stepPrefix } from "../../src/builds/step-log.ts";
import { type Digest, parseDigest } from "../../src/oci/index.ts";
import type { Repository } from "../../src/registry/index.ts";

const hex = "0123456789abcdef".repeat(4);

function logged(chunks: readonly string[]): string {
  const lines: string[] = [];
  const log = createStepLog("> ", (line) => lines.push(Buffer.from(line).toString()));
  for (const chunk of chunks) log.write(Buffer.from(chunk));
  log.end();
  return lines.join("");
}

describe("the log of a step", () => {
  test("has the step's name before each line, wherever chunks end", () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-c\n]*$/)), (chunks) => {
        const text = chunks.join("");
        const lines = text.split("\n");
        if (lines.at(-1) === "") lines.pop();
        expect(logged(chunks)).toBe(lines.map((line) => `> ${line}\n`).join(""));
      }),
    );
  });

  test("keeps colors, and of a line that was drawn over itself the last", () => {
    expect(logged(["\u001b[31mred\u001b[0m\r\n", "10 %\r20 %\r", "30 %\n"])).toBe(
      "> \u001b[31mred\u001b[0m\n> 30 %\n",
    );
  });

  test("does not keep a line without an end", () => {
    expect(logged(Array.from({ length: 40 }, () => "x".repeat(4096))).split("\n").length).toBeGreaterThan(2);
  });

  test("gives on together what comes together", () => {
    const given: string[] = [];
    const log = createStepLog("> ", (lines) => given.push(Buffer.from(lines).toString()));
    log.write(Buffer.from("one\ntwo\nthr"));
    log.write(Buffer.from("ee"));
    log.end();
    expect(given).toEqual(["> one\n> two\n", "> three\n"]);
  });

  test("names steps as Cloud Build does", () => {
    expect(stepPrefix({ index: 0 })).toBe("Step #0: ");
    expect(stepPrefix({ index: 2, id: "push" }, "arm")).toBe('[arm] Step #2 - "push": ');
  });
});

describe("what a step says that it pushed", () => {
  const said = (text: string) => {
    const pushes = new SaidPushes();
    for (let at = 0; at < text.length; at += 7) pushes.take(Buffer.from(text.slice(at, at + 7)));
    return pushes.all();
  };

  test.each([
    [
      "docker push",
      `The push refers to repository [gcr.io/p/foo]\n5f70bf18a086: Pushed\nv1: digest: sha256:${hex} size: 528\n`,
      { repository: "gcr.io/p/foo", tag: "v1", digest: `sha256:${hex}` },
    ],
    [
      "BuildKit",
      `#12 pushing manifest for localhost:5000/p/foo:v1@sha256:${hex}\n`,
      { repository: "localhost:5000/p/foo", tag: "v1", digest: `sha256:${hex}` },
    ],
    [
      "ko, in colors",
      `\u001b[32m2026/11/20 Published gcr.io/p/foo@sha256:${hex}\u001b[0m`,
      { repository: "gcr.io/p/foo", digest: `sha256:${hex}` },
    ],
    [
      "crane",
      `2026/11/20 10:00:00 pushed blob: sha256:${hex}\n2026/11/20 gcr.io/p/foo:v2@sha256:${hex} pushed`,
      { repository: "gcr.io/p/foo", tag: "v2", digest: `sha256:${hex}` },
    ],
  ])("is understood of %s", (_, text, push) => {
    expect(said(text)).toEqual([push]);
  });

  test("is not guessed from what it pulls", () => {
    expect(said(`Pulling gcr.io/p/base@sha256:${hex}\nDigest: sha256:${hex}\n`)).toEqual([]);
    expect(said(`v1: digest: sha256:${hex} size: 528\n`)).toEqual([]);
  });
});

describe("what registries say of claims", () => {
  const [mine, other] = [parseDigest(`sha256:${hex}`), parseDigest(`sha256:${"f".repeat(64)}`)];
  const asked: string[] = [];

  /** A registry that holds one image by its digest, and another under the tag `moved`; `down` does not answer. */
  function open(repository: string): Repository {
    const resolve = async (name: string) => {
      asked.push(`${repository} ${name}`);
      if (repository.startsWith("down.example.com/")) throw new Error("down");
      const digest = name === "moved" ? other : name === "v1" || name === mine ? mine : undefined;
      return digest === undefined ? undefined : { digest, mediaType: "application/x", size: 2 };
    };
    return { resolve } as unknown as Repository;
  }

  async function answers(...said: SaidPush[]) {
    asked.length = 0;
    const all = [];
    for await (const answer of askedFor(said, open)) all.push(answer);
    return all;
  }

  test("stand by the digest where the tag has moved on", async () => {
    const repository = "gcr.io/p/x";
    const found = await answers(
      { repository, tag: "v1", digest: mine },
      { repository, tag: "moved", digest: mine },
      { repository, tag: "v1", digest: mine },
      { repository, tag: "v1", digest: other },
    );
    expect(found).toEqual([
      { repository, digest: mine, mediaType: "application/x", size: 2, tag: "v1" },
      { repository, digest: mine, mediaType: "application/x", size: 2 },
      { repository, digest: other, reason: "it is not there" },
    ]);
  });

  test("are not waited for again and again where nobody answers", async () => {
    const said = Array.from({ length: 20 }, (_, index) => ({
      repository: `down.example.com/p/x${index}`,
      digest: mine,
    }));
    expect(await answers(...said)).toHaveLength(20);
    expect(asked).toHaveLength(3);
  });

  test("do not take the variant from an image that a registry saw first", () => {
    const ledger = createImageLedger();
    const push = {
      name: "x",
      repository: "r/x",
      digest: mine as Digest,
      mediaType: "application/x",
      size: 2,
    };
    ledger.add({ ...push, build: "", by: "registry" });
    ledger.add({ ...push, build: "arm", by: "step" });
    expect(ledger.images()).toMatchObject([{ build: "arm", seenBy: ["registry", "step"] }]);
  });
});
