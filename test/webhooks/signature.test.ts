import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Admitted, authenticate, type WebhookRefusal } from "../../src/webhooks/index.ts";

const secret = "It's a Secret to Everybody";
const hello = Buffer.from("Hello, World!");
const helloHex = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

/** What is answered to a request: `verified`, or the code of the refusal. */
function judged(
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
  { secrets = [secret], now = Date.now(), addressToken = undefined as string | undefined } = {},
): string {
  const admitted: Admitted | WebhookRefusal = authenticate(
    { headers: new Headers(headers), addressToken },
    { name: "here", secrets },
    now,
  );
  if ("code" in admitted) return admitted.code;
  return admitted.verify(body)?.code ?? "verified";
}

const hex = (body: string | Uint8Array, key = secret) => createHmac("sha256", key).update(body).digest("hex");

describe("a delivery of GitHub", () => {
  const signed = (signature: string) => ({ "X-GitHub-Event": "push", "X-Hub-Signature-256": signature });

  it("is verified by the vector of its documentation", () => {
    expect(judged(signed(`sha256=${helloHex}`), hello)).toBe("verified");
  });

  it("is refused when a byte of the body or of the signature differs, or the secret is another", () => {
    expect(judged(signed(`sha256=${helloHex}`), Buffer.from("Hello, World?"))).toBe("wrong-signature");
    expect(judged(signed(`sha256=${helloHex.replace("7", "8")}`), hello)).toBe("wrong-signature");
    expect(judged(signed(`sha256=${helloHex}`), hello, { secrets: ["other"] })).toBe("wrong-signature");
  });

  it.each(["sha256=", "", "   "])("is unsigned with %j", (signature) => {
    expect(judged(signed(signature), hello)).toBe("unsigned");
  });

  it.each([
    helloHex,
    `sha1=${helloHex}`,
    `sha256=${helloHex}00`,
    `sha256=${helloHex.slice(2)}`,
    "sha256=zz",
    "sha256=é",
  ])("is refused with the malformed signature %s", (signature) => {
    const headers = new Headers({ "X-GitHub-Event": "push" });
    headers.set("X-Hub-Signature-256", signature === "sha256=é" ? "sha256=\u00e9" : signature);
    expect(judged(Object.fromEntries(headers), hello)).toBe("wrong-signature");
  });

  it("is not verified by SHA-1", () => {
    const sha1 = createHmac("sha1", secret).update(hello).digest("hex");
    expect(judged({ "X-GitHub-Event": "push", "X-Hub-Signature": `sha1=${sha1}` }, hello)).toBe("unsigned");
  });

  it("is verified by any of several secrets, and by none that is empty", () => {
    expect(judged(signed(`sha256=${helloHex}`), hello, { secrets: ["new", secret] })).toBe("verified");
    expect(judged(signed(`sha256=${hex(hello, "")}`), hello, { secrets: ["", "x"] })).toBe("wrong-signature");
    expect(judged(signed(`sha256=${hex(hello, "")}`), hello, { secrets: [""] })).toBe("no-secret");
  });

  it("is signed with a form as it came", () => {
    const form = Buffer.from(`payload=${encodeURIComponent('{"a":1}')}`);
    const type = { "content-type": "application/x-www-form-urlencoded" };
    expect(judged({ ...signed(`sha256=${hex(form)}`), ...type }, form)).toBe("verified");
    expect(judged({ ...signed(`sha256=${hex('{"a":1}')}`), ...type }, form)).toBe("wrong-signature");
  });
});

describe("a delivery of Gitea or Forgejo", () => {
  const gitea = (signature: string) => ({
    "X-GitHub-Event": "push",
    "X-Gogs-Event": "push",
    "X-Gitea-Event": "push",
    "X-Gitea-Signature": signature,
    "X-Hub-Signature-256": `sha256=${hex(hello)}`,
  });

  it("is verified by its own header", () => {
    expect(judged(gitea(hex(hello)), hello)).toBe("verified");
    expect(
      judged(
        { ...gitea("00".repeat(32)), "X-Forgejo-Event": "push", "X-Forgejo-Signature": hex(hello) },
        hello,
      ),
    ).toBe("verified");
  });

  it("is not rescued by a good header of another's", () => {
    expect(judged(gitea("00".repeat(32)), hello)).toBe("wrong-signature");
    expect(judged(gitea(""), hello)).toBe("unsigned");
    expect(judged({ ...gitea(hex(hello)), "X-Forgejo-Event": "push" }, hello)).toBe("unsigned");
    const bad = {
      ...gitea(hex(hello)),
      "X-Forgejo-Event": "push",
      "X-Forgejo-Signature": "11".repeat(32),
    };
    expect(judged(bad, hello)).toBe("wrong-signature");
  });

  it("is signed with what a form holds", () => {
    const json = '{"ref":"refs/heads/main & more","who":"Ünal"}';
    const form = Buffer.from(new URLSearchParams({ payload: json }).toString());
    const type = { "content-type": "application/x-www-form-urlencoded; charset=utf-8" };
    expect(judged({ ...gitea(hex(json)), ...type }, form)).toBe("verified");
    expect(judged({ ...gitea(hex(form)), ...type }, form)).toBe("wrong-signature");
  });
});

describe("a delivery of GitLab", () => {
  const event = { "X-Gitlab-Event": "Push Hook" };
  const key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const body = Buffer.from('{"test": 2432232314}');
  const good = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
  const at = 1_614_265_330_000;
  const signed = (signature: string) => ({
    ...event,
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": signature,
  });

  it("is verified by its token", () => {
    expect(judged({ ...event, "X-Gitlab-Token": secret }, body)).toBe("verified");
    expect(judged({ ...event, "X-Gitlab-Token": `${secret}x` }, body)).toBe("wrong-signature");
    expect(judged({ ...event, "X-Gitlab-Token": "" }, body)).toBe("unsigned");
    expect(judged(event, body)).toBe("unsigned");
  });

  it("is verified by the vector of Standard Webhooks, whichever of a list it is", () => {
    expect(judged(signed(good), body, { secrets: [key], now: at })).toBe("verified");
    const other = `v1,${Buffer.alloc(32).toString("base64")}`;
    const list = `v1a,abc ${other} ${good}`;
    expect(judged(signed(list), body, { secrets: ["old", key], now: at })).toBe("verified");
    expect(judged(signed(other), body, { secrets: [key], now: at })).toBe("wrong-signature");
    expect(judged(signed("v2,xyz"), body, { secrets: [key], now: at })).toBe("wrong-signature");
    expect(judged(signed(""), body, { secrets: [key], now: at })).toBe("unsigned");
  });

  it("is stale five minutes from now, in both directions", () => {
    for (const [away, answer] of [
      [299_000, "verified"],
      [-299_000, "verified"],
      [301_000, "stale"],
      [-301_000, "stale"],
    ] as const) {
      expect(judged(signed(good), body, { secrets: [key], now: at + away })).toBe(answer);
    }
    const later = { ...signed(good), "webhook-timestamp": "1614265331" };
    expect(judged(later, body, { secrets: [key], now: at })).toBe("wrong-signature");
    const no = { ...signed(good), "webhook-timestamp": "soon" };
    expect(judged(no, body, { secrets: [key], now: at })).toBe("wrong-signature");
  });

  it("is not verified by a secret of which nothing is left", () => {
    const { "webhook-id": id, "webhook-timestamp": time } = signed("");
    const mac = createHmac("sha256", "").update(`${id}.${time}.`).update(body).digest("base64");
    for (const empty of ["whsec_", "whsec_!!!"]) {
      expect(judged(signed(`v1,${mac}`), body, { secrets: [empty], now: at })).toBe("wrong-signature");
    }
  });

  it("with a signature is not rescued by its token", () => {
    const both = { ...signed(good), "X-Gitlab-Token": secret };
    expect(judged(both, body, { secrets: [secret], now: at })).toBe("wrong-signature");
  });
});

describe("what a registry sends", () => {
  const basic = (pair: string) => `Basic ${Buffer.from(pair).toString("base64")}`;

  it.each([
    ["a bearer's token", { Authorization: `Bearer ${secret.replaceAll(" ", "-")}` }],
    ["a header as it was typed", { Authorization: secret.replaceAll(" ", "-") }],
    ["a password", { Authorization: basic(`somebody:${secret.replaceAll(" ", "-")}`) }],
    ["a header of its own", { "X-Waybill-Token": secret.replaceAll(" ", "-") }],
  ])("is verified by %s", (_, headers) => {
    const secrets = [secret.replaceAll(" ", "-")];
    expect(judged(headers, hello, { secrets })).toBe("verified");
    expect(judged(headers, hello, { secrets: ["another"] })).toBe("wrong-signature");
  });

  it("is verified by a password together with its user", () => {
    expect(judged({ Authorization: basic("user:pass:word") }, hello, { secrets: ["user:pass:word"] })).toBe(
      "verified",
    );
    expect(judged({ Authorization: basic("other:pass:word") }, hello, { secrets: ["user:pass:word"] })).toBe(
      "wrong-signature",
    );
  });

  it("is verified by the secret in its address", () => {
    expect(judged({}, hello, { addressToken: secret })).toBe("verified");
    expect(judged({}, hello, { addressToken: "guess" })).toBe("wrong-signature");
    expect(judged({}, hello)).toBe("unsigned");
  });

  it("does not stand in for the signature of a forge", () => {
    const forged = { "X-GitHub-Event": "push", Authorization: `Bearer ${secret}` };
    expect(judged(forged, hello, { addressToken: secret })).toBe("unsigned");
  });
});

it("a refusal holds nothing of the request and no secret", () => {
  const word = fc.string({ minLength: 12, maxLength: 40, unit: fc.constantFrom(..."XYZ0189") });
  fc.assert(
    fc.property(word, word, word, (given, expected, id) => {
      const headers = new Headers({
        "X-Gitlab-Event": "Push Hook",
        "X-Gitlab-Token": given,
        "webhook-id": id,
      });
      const answer = JSON.stringify(authenticate({ headers }, { name: "a", secrets: [expected] }, 0));
      if (given === expected) return;
      for (const text of [given, expected, id]) expect(answer).not.toContain(text);
    }),
  );
});

it("no header makes the judgement throw", () => {
  const names = [
    "x-github-event",
    "x-gitea-event",
    "x-forgejo-event",
    "x-gitlab-event",
    "x-gitlab-token",
    "x-hub-signature-256",
    "x-gitea-signature",
    "x-forgejo-signature",
    "webhook-signature",
    "webhook-timestamp",
    "webhook-id",
    "authorization",
    "content-type",
  ];
  const header = fc.string({
    unit: fc.integer({ min: 32, max: 255 }).map((code) => String.fromCharCode(code)),
  });
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom(...names), header),
      fc.uint8Array({ maxLength: 50 }),
      (headers, body) => {
        expect(judged(headers, body, { now: 0 })).not.toBe("verified");
      },
    ),
  );
});
