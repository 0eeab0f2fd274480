import { expect, test } from "vitest";
import type { FileSource } from "../../src/manifest/file-source.ts";
import { readPoliciesBeside } from "../../src/manifest/policy-file.ts";

const policy = `
signers: { ci: { identity: ci@example.com, issuer: https://accounts.google.com } }
rules:
  - name: scanned
    vulnerabilities: { below: high, by: ci, reports: [reports] }
`;

const folder = (list: FileSource["list"]): FileSource => ({
  kindOf: async (path) => (path.endsWith("reports") ? "directory" : "other"),
  list,
  read: async (path) => (path.endsWith("policy.yaml") ? policy : "{}"),
});

test("a folder of reports that cannot be listed is unread, not empty", async () => {
  const readable = await readPoliciesBeside(
    "tree",
    folder(async () => [{ name: "a.json", kind: "other" }]),
  );
  expect(readable.policyFile).toMatchObject({ reports: [{ name: "reports/a.json" }], unread: [] });
  const closed = await readPoliciesBeside(
    "tree",
    folder(async () => ({ fault: "permission denied" })),
  );
  expect(closed.policyFile).toMatchObject({
    reports: [],
    unread: [{ code: "unreadable-file", where: "tree/reports" }],
  });
});
