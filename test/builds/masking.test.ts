import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { maskSecrets } from "../../src/builds/masking.ts";

function masked(secrets: readonly string[], ...chunks: readonly (string | Uint8Array)[]): string {
  const masker = maskSecrets(secrets);
  const shown = chunks.map((chunk) => masker.mask(Buffer.from(chunk)));
  return Buffer.concat([...shown, masker.flush()]).toString("utf8");
}

describe("maskSecrets", () => {
  it.each<[what: string, secrets: string[], chunks: string[], shown: string]>([
    ["nothing", [], ["text"], "text"],
    ["a secret", ["hunter2"], ["it is hunter2."], "it is ***."],
    ["each time", ["hunter2"], ["hunter2 hunter2\n"], "*** ***\n"],
    ["across chunks", ["hunter2"], ["it is hun", "te", "r2."], "it is ***."],
    ["what only begins like it", ["hunter2"], ["hunt", "er1 hunte"], "hunter1 hunte"],
    ["after a false start", ["aaab"], ["aaaaab"], "aa***"],
    ["overlapping ones together", ["abcdef", "defghi"], ["-abcdefghi-"], "-***-"],
    ["one in another", ["secret", "my secret word"], ["my secret word, secret"], "***, ***"],
    ["the beginning of a longer one", ["abcd", "abcdefgh"], ["abcdefg"], "***efg"],
    ["without a newline at its end", ["hunter2\n"], ["<hunter2>"], "<***>"],
    ["long lines alone", ["-----BEGIN-----\nshort\n0123456789\n"], ["0123456789 short"], "*** short"],
    ["not what is too short", ["abc", ""], ["abcabc"], "abcabc"],
    ["not bytes", ["pässwort"], ["ein pässwort"], "ein ***"],
  ])("hides %s", (_, secrets, chunks, shown) => {
    expect(masked(secrets, ...chunks)).toBe(shown);
  });

  it("hides base64, also within something longer", () => {
    const secret = "correct horse battery?>";
    for (const text of [
      secret,
      `u:${secret}`,
      `me:${secret}`,
      `you:${secret}`,
      `${secret}\n`,
      `x${secret}yz`,
    ]) {
      for (const form of ["base64", "base64url"] as const) {
        const encoded = Buffer.from(text).toString(form);
        const shown = masked([secret], `<${encoded}>`);
        expect(shown).toContain("***");
        expect(shown.length).toBeLessThan(16);
      }
    }
  });

  it("keeps nothing back that is no beginning of a secret", () => {
    const masker = maskSecrets(["hunter2"]);
    expect(Buffer.from(masker.mask(Buffer.from("a line\n"))).toString()).toBe("a line\n");
    expect(Buffer.from(masker.mask(Buffer.from("and hun"))).toString()).toBe("and ");
    expect(Buffer.from(masker.flush()).toString()).toBe("hun");
  });

  const letters = (most: number, least = 0) =>
    fc.string({ unit: fc.constantFrom("a", "b"), minLength: least, maxLength: most });
  const someSecrets = fc.array(letters(12, 4), { maxLength: 4 });

  it("gives the same however the output comes in pieces", () => {
    fc.assert(
      fc.property(someSecrets, fc.array(letters(12), { maxLength: 12 }), (secrets, chunks) => {
        expect(masked(secrets, ...chunks)).toBe(masked(secrets, chunks.join("")));
      }),
      { numRuns: 1000 },
    );
  });

  it("hides exactly the bytes that belong to a secret", () => {
    fc.assert(
      fc.property(someSecrets, letters(60), (secrets, text) => {
        // Joined to the byte before it, where both belong to one secret.
        const isHidden = Array.from(text, () => false);
        const isJoined = Array.from(text, () => false);
        for (const secret of secrets) {
          for (let at = text.indexOf(secret); at >= 0; at = text.indexOf(secret, at + 1)) {
            isHidden.fill(true, at, at + secret.length);
            isJoined.fill(true, at + 1, at + secret.length);
          }
        }
        const shown = Array.from(text, (letter, at) => {
          if (!isHidden[at]) return letter;
          return isJoined[at] ? "" : "***";
        });
        expect(masked(secrets, text)).toBe(shown.join(""));
      }),
      { numRuns: 2000 },
    );
  });
});
