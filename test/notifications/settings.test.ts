import { expect, it, test } from "vitest";
import { Findings } from "../../src/diagnostics/index.ts";
import { notificationsShape } from "../../src/notifications/index.ts";
import { shapeCodes, text } from "../../src/schema/index.ts";
import { parseYaml } from "../../src/yaml/index.ts";

function read(yaml: string) {
  const findings = new Findings(yaml, "waybill.yaml", shapeCodes);
  const { root } = parseYaml(yaml);
  const value =
    root === undefined ? undefined : notificationsShape(text()).read(root, { findings, path: "" });
  return { value, found: findings.diagnostics.map(({ message }) => message) };
}

it("settings name receivers, rules and a mail server", () => {
  const { value, found } = read(`
receivers:
  ops: { kind: webhook, urlFile: /ops/url, secretFiles: [/ops/new, /ops/old] }
  chat: { kind: slack, urlEnv: CHAT_URL }
  people: { kind: email, to: [release@example.com] }
rules:
  promotions: { jobs: [promo-*], failures: 2, when: [failing, recovered], to: [ops, chat] }
mail: { host: mail.example.com, from: waybill@example.com, user: waybill, passwordEnv: MAIL }
`);
  expect(found).toEqual([]);
  expect(value).toMatchObject({
    receivers: [
      {
        name: "ops",
        kind: "webhook",
        url: { file: "/ops/url" },
        secrets: [{ file: "/ops/new" }, { file: "/ops/old" }],
      },
      { name: "chat", kind: "slack", url: { variable: "CHAT_URL" } },
      { name: "people", kind: "email", to: ["release@example.com"] },
    ],
    rules: [{ name: "promotions", jobs: ["promo-*"], failures: 2, to: ["ops", "chat"] }],
    mail: { port: 587, security: "starttls", password: { variable: "MAIL" } },
  });
});

test.each([
  ["receivers: { ops: { kind: webhook, urlEnv: A } }", "secretFiles, secretEnv or secretFrom is missing"],
  ["receivers: { ops: { kind: webhook, secretEnv: A } }", "expected exactly one of: urlFile, urlEnv"],
  ["receivers: { ops: { kind: slack, url: https://x } }", "url"],
  ["receivers: { ops: { kind: email } }", "to is missing"],
  ["receivers: { ops: { kind: email, to: ['Ann <a@b.c>'] } }", "expected an address of mail"],
  ["rules: { r: { to: [nobody] } }", "no receiver is called nobody"],
  ["mail: { host: a, from: a@b.c, passwordEnv: A, passwordFile: b }", "expected exactly one of"],
])("%s is refused", (yaml, message) => {
  expect(read(yaml).found.join("\n")).toContain(message);
});
