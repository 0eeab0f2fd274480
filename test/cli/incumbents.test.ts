import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/cli/failure.ts";
import { readGoFlags } from "../../src/cli/incumbents/go-flags.ts";
import { type Incumbent, translate } from "../../src/cli/incumbents/translate.ts";
import { shellLine } from "../../src/errors/index.ts";
import { describeShared } from "../support/shared.ts";
import { runAs } from "./captured.ts";

function command(program: Incumbent, line: string, environment: NodeJS.ProcessEnv = {}): string {
  const translation = translate(program, line.split(" ").filter(Boolean), environment);
  return "help" in translation ? "help" : translation.command.join(" ");
}

function notices(program: Incumbent, line: string): readonly string[] {
  const translation = translate(program, line.split(" ").filter(Boolean), {});
  return "help" in translation ? [] : translation.notices;
}

describe("Go's flags", () => {
  const flags = {
    name: { kind: "text", means: "" },
    count: { kind: "number", means: "" },
    yes: { kind: "switch", means: "" },
    old: { kind: "number", means: "", instead: "nothing" },
  } as const;

  it.each([
    [["-name=a"], "a"],
    [["--name=a"], "a"],
    [["-name", "a"], "a"],
    [["--name", "a"], "a"],
    [["--name="], ""],
    [["--name", ""], ""],
    [["--name=a=b"], "a=b"],
    [["--name", "-a"], "-a"],
    [["--name=a", "--name=b"], "b"],
  ])("%j gives the text %j", (line, text) => {
    expect(readGoFlags(line, flags).texts.get("name")).toBe(text);
  });

  it.each([
    ["-yes", true],
    ["--yes", true],
    ["--yes=true", true],
    ["-yes=1", true],
    ["-yes=T", true],
    ["-yes=false", false],
    ["--yes=0", false],
    ["--yes=F", false],
  ])("%s gives the switch %s", (word, value) => {
    expect(readGoFlags([word], flags).switches.get("yes")).toBe(value);
  });

  it("leaves the word after a switch alone", () => {
    expect(readGoFlags(["--yes", "false"], flags)).toMatchObject({ words: ["false"] });
  });

  it("ends at two dashes", () => {
    expect(readGoFlags(["a", "--", "--name", "b"], flags).words).toEqual(["a", "--name", "b"]);
  });

  it("says once what means nothing here", () => {
    expect(readGoFlags(["-old=1", "-old", "2"], flags).notices).toEqual([
      "--old means nothing here: nothing",
    ]);
  });

  it.each([
    [["--nme=a"], "unknown flag: --nme", "did you mean --name?"],
    [["--wholly-different"], "unknown flag: --wholly-different", undefined],
    [["-yes=maybe"], 'invalid value "maybe" for --yes: it takes true or false', undefined],
    [["-count", "x"], 'invalid value "x" for --count: it takes a number', undefined],
    [["-name"], "flag needs an argument: --name", undefined],
    [["---name"], "bad flag syntax: ---name", undefined],
  ])("refuses %j", (line, message, hint) => {
    const refused = (): unknown => readGoFlags(line, flags);
    expect(refused).toThrow(UsageError);
    expect(refused).toThrow(expect.objectContaining({ message, hint }));
  });

  it("does not care how a text flag is written", () => {
    const value = fc.string().filter((text) => !text.includes("\0"));
    fc.assert(
      fc.property(
        value,
        fc.constantFrom("-", "--"),
        fc.constantFrom("filter_tag", "filter-tag"),
        (text, dash, name) => {
          const table = { "filter-tag": { kind: "text", means: "" } } as const;
          const joined = readGoFlags([`${dash}${name}=${text}`], table).texts.get("filter-tag");
          const apart = readGoFlags([`${dash}${name}`, text], table).texts.get("filter-tag");
          expect([joined, apart]).toEqual([text, text]);
        },
      ),
    );
  });
});

describe("cip-mm", () => {
  it.each([
    [
      "--base_dir=k8s.gcr.io --staging_repo=gcr.io/k8s-staging-kubernetes --filter_tag=v1.19.0-rc.2",
      "merge k8s.gcr.io --staging-repo gcr.io/k8s-staging-kubernetes --tag v1.19.0-rc.2",
    ],
    [
      "-base_dir d -staging_repo r/p -filter_image i -filter_digest sha256:1 -filter_tag t",
      "merge d --staging-repo r/p --image i --digest sha256:1 --tag t",
    ],
    ["--staging_repo=r/p --filter_image=", "merge . --staging-repo r/p"],
    ["--base_dir=d --staging_repo=r/p -v 4 --logtostderr", "merge d --staging-repo r/p"],
  ])("%s", (line, translated) => {
    expect(command("cip-mm", line)).toBe(translated);
    expect(command("kpromo", `mm ${line}`)).toBe(translated);
  });

  it("refuses what cip-mm refused", () => {
    expect(() => translate("cip-mm", ["--base_dir=d"], {})).toThrow("must specify --staging_repo");
    expect(() => translate("cip-mm", ["--staging_repo=r/p", "--filter_tag=latest"], {})).toThrow(
      '--filter_tag cannot be "latest" (anti-pattern)',
    );
    expect(() => translate("cip-mm", ["--staging_repo=r/p", "more"], {})).toThrow(
      'unexpected argument "more"',
    );
  });
});

describeShared("the published instructions", "seeds", (folder) => {
  it("have three lines of cip-mm, and each is read", () => {
    const text = readFileSync(join(folder, "image-promotion.txt"), "utf8");
    const lines = text.match(/^cip-mm --.*$/gm) ?? [];
    expect(lines).toHaveLength(3);
    for (const line of lines) {
      const [, ...words] = line.split(" ");
      const [verb, directory, , repository, , tag] = command("cip-mm", words.join(" ")).split(" ");
      expect([verb, directory, repository]).toEqual([
        "merge",
        "$GOPATH/src/k8s.io/k8s.io/k8s.gcr.io",
        "gcr.io/k8s-staging-kubernetes",
      ]);
      expect(tag).toMatch(/^v1\.19\./);
    }
  });
});

describe("cip and kpromo cip", () => {
  it.each([
    ["-thin-manifest-dir=d -dry-run=false", "promote d --confirm"],
    ["--thin-manifest-dir d", "promote d"],
    ["--thin-manifest-dir=d --confirm", "promote d --confirm"],
    ["--thin-manifest-dir=d --confirm=true", "promote d --confirm"],
    ["--thin-manifest-dir=d --confirm=false", "promote d"],
    ["--thin-manifest-dir=d --confirm=false --dry-run=false", "promote d"],
    ["--thin-manifest-dir=d --confirm --dry-run", "promote d"],
    ["run --thin-manifest-dir=d", "promote d"],
    ["run --thin-manifest-dir=d --confirm", "promote d --confirm"],
    ["--manifest=m.yaml --dry-run", "promote m.yaml"],
    ["--manifest=m.yaml --parse-only", "check m.yaml"],
    ["--snapshot=gcr.io/foo", "registry snapshot gcr.io/foo --format yaml"],
    [
      "--snapshot=gcr.io/foo --snapshot-tag=v1 --minimal-snapshot --output=CSV",
      "registry snapshot gcr.io/foo --format csv --tag v1 --minimal",
    ],
    [
      "--manifest-based-snapshot-of=us.gcr.io/p --thin-manifest-dir=d -output-format=YAML",
      "registry snapshot us.gcr.io/p --format yaml --manifests d --offline",
    ],
    ["--thin-manifest-dir=d --log-level=debug", "promote d --verbose"],
    ["--thin-manifest-dir=d --log-level error --threads=20", "promote d --quiet"],
    ["version", "--version"],
    ["-version", "--version"],
    ["-h", "help"],
  ])("cip %s", (line, translated) => {
    expect(command("cip", line)).toBe(translated);
  });

  it("never writes unless the line says so", () => {
    const words = [
      "--thin-manifest-dir=d",
      "--dry-run",
      "--dry-run=true",
      "--confirm=false",
      "--threads=3",
      "run",
    ];
    fc.assert(
      fc.property(fc.subarray(words, { minLength: 1 }), (line) => {
        fc.pre(line.includes("--thin-manifest-dir=d"));
        expect(command("cip", line.join(" "))).toBe("promote d");
      }),
    );
  });

  it("says what it passes over, and goes on", () => {
    const line = "--thin-manifest-dir=d --key-files=a,b --use-service-account --max-image-size=3";
    expect(notices("cip", line).map((text) => text.split(":")[0])).toEqual([
      "--key-files means nothing here",
      "--use-service-account means nothing here",
      "--max-image-size means nothing here",
    ]);
  });

  const base = "0123456789abcdef0123456789abcdef01234567";
  const spec = (type: string, refs: object) => ({ JOB_SPEC: JSON.stringify({ type, refs, job: "x" }) });

  it.each<[string, NodeJS.ProcessEnv, string]>([
    ["", { JOB_TYPE: "presubmit", PULL_BASE_SHA: base }, `promote d --base ${base}`],
    ["=true", { JOB_TYPE: "batch", PULL_BASE_SHA: base }, `promote d --base ${base}`],
    ["", { JOB_TYPE: "postsubmit", PULL_BASE_SHA: base }, "promote d --base HEAD^"],
    ["", spec("presubmit", { base_sha: base }), `promote d --base ${base}`],
    ["", spec("postsubmit", { base_sha: base }), "promote d --base HEAD^"],
    [" --confirm --manifest-diff-since=x", { JOB_TYPE: "postsubmit" }, "promote d --confirm --base HEAD^"],
    [" --log-level=debug", { JOB_TYPE: "postsubmit" }, "promote d --base HEAD^ --verbose"],
    [" --parse-only", {}, "check d"],
    ["=false", {}, "promote d"],
  ])(
    "limits a run to the change of a job of Prow: --use-prow-manifest-diff%s in %j",
    (rest, environment, wanted) => {
      const line = `--thin-manifest-dir=d --use-prow-manifest-diff${rest}`;
      expect(command("cip", line, environment)).toBe(wanted);
      expect(command("kpromo", `cip ${line}`, environment)).toBe(wanted);
    },
  );

  it.each<[NodeJS.ProcessEnv, string]>([
    [{}, "--use-prow-manifest-diff needs JOB_TYPE"],
    [{ JOB_TYPE: "presubmit" }, "--use-prow-manifest-diff needs PULL_BASE_SHA"],
    [{ JOB_TYPE: "periodic" }, "unknown job type: periodic"],
    [{ JOB_SPEC: "{" }, "JOB_SPEC is not what Prow writes"],
  ])("does not guess the change: %j", (environment, message) => {
    const line = "--thin-manifest-dir=d --use-prow-manifest-diff --confirm";
    expect(() => command("cip", line, environment)).toThrow(message);
  });

  it("limits a run to what changed since a date, unless Prow says what changed", () => {
    const line = "--thin-manifest-dir=d --manifest-diff-since=14.days";
    expect(command("kpromo", `cip ${line} --confirm`)).toBe("promote d --confirm --since-date 14.days");
    expect(command("kpromo", "cip --thin-manifest-dir=d --manifest-diff-since=")).toBe("promote d");
    expect(command("kpromo", `cip ${line} --parse-only`)).toBe("check d");
    const both = translate("cip", [...line.split(" "), "--use-prow-manifest-diff"], {
      JOB_TYPE: "postsubmit",
    });
    expect(both).toEqual({
      command: ["promote", "d", "--base", "HEAD^"],
      notices: ["--use-prow-manifest-diff wins over --manifest-diff-since"],
    });
    expect(notices("cip", "--manifest=m.yaml --manifest-diff-since=14.days")).toEqual([
      "--manifest-diff-since means nothing with --manifest, as for kpromo: all of it is planned",
    ]);
  });

  it("limits no plain manifest, as kpromo does not", () => {
    const line = "--manifest=m.yaml --use-prow-manifest-diff";
    expect(command("kpromo", `cip ${line}`)).toBe("promote m.yaml");
    expect(notices("kpromo", `cip ${line}`)).toEqual([
      expect.stringContaining("--use-prow-manifest-diff means nothing with --manifest"),
    ]);
  });

  it("says that images are not signed where kpromo would have signed them", () => {
    const signs = "kpromo signs what it promotes: Waybill signs what trust.sign of waybill.yaml says";
    expect(notices("kpromo", "cip --thin-manifest-dir=d --confirm")).toEqual([signs]);
    expect(notices("kpromo", "cip --thin-manifest-dir=d --confirm --sign=false")).not.toContain(signs);
    expect(notices("kpromo", "cip --thin-manifest-dir=d")).toEqual([]);
    expect(notices("cip", "--thin-manifest-dir=d --confirm")).toEqual([]);
  });

  it.each([
    ["", "either --manifest or --thin-manifest-dir is required"],
    ["--thin-manifest-dir=", "either --manifest or --thin-manifest-dir is required"],
    ["--thin-manifest-dir=d --confrim", "unknown flag: --confrim"],
    ["--thin-manifest-dir=d --dry-run false", 'unexpected argument "false"'],
    ["audit --thin-manifest-dir=d", "Waybill has no auditor yet"],
    ["--thin-manifest-dir=d --vuln-severity-threshold=3 --confirm", "Waybill has no vulnerability check yet"],
    ["--snapshot=gcr.io/foo --output=xml", "invalid snapshot output format: xml"],
  ])("refuses: cip %s", (line, message) => {
    expect(() => command("cip", line)).toThrow(message);
  });
});

describe("kpromo", () => {
  it.each([
    ["cip --thin-manifest-dir=d --confirm", "promote d --confirm"],
    ["--log-level debug cip --thin-manifest-dir=d", "promote d --verbose"],
    ["--log-level=debug cip --thin-manifest-dir=d", "promote d --verbose"],
    ["version", "--version"],
    ["help", "help"],
    ["--help", "help"],
    ["", "help"],
    ["cip --help", "help"],
  ])("%s", (line, translated) => {
    expect(command("kpromo", line)).toBe(translated);
  });

  it.each([
    [
      "pr --fork=me --tag v1.2.3,v1.2.4 -t v1.2.5 --project foo",
      "pr github.com/kubernetes/k8s.io --manifests registry.k8s.io --project foo --staging-repo gcr.io/k8s-staging-foo" +
        " --tag v1.2.3 --tag v1.2.4 --tag v1.2.5 --fork me/k8s.io --reviewer kubernetes/release-engineering --ssh",
    ],
    [
      "pr --fork=org/repo -t v1 --staging-repo host.test/s --image a --digests sha256:1 --reviewers '@ann @bob' -i --use-ssh=false",
      "pr github.com/kubernetes/k8s.io --manifests registry.k8s.io --project kubernetes --staging-repo host.test/s" +
        " --tag v1 --image a --digest sha256:1 --fork org/repo --reviewer ann --reviewer bob --interactive",
    ],
  ])("%s is waybill pr", (line, translated) => {
    const words = Array.from(line.matchAll(/'([^']*)'|(\S+)/g), ([, quoted, plain]) => quoted ?? plain ?? "");
    expect(translate("kpromo", words, {})).toMatchObject({ command: translated.split(" ") });
  });

  it.each([
    ["pr --fork me", "cannot start promotion without --tag"],
    ["pr -t v1", "cannot start promotion without --fork"],
    ["pr -t v1 --fork me extra", 'unexpected argument "extra"'],
  ])("refuses %s", (line, message) => {
    expect(() => command("kpromo", line)).toThrow(message);
  });

  it("runs sigcheck, which looks at all images, and compares identities as a whole", () => {
    const line = "sigcheck --confirm --from-days=7 --thin-manifest-dir tree";
    expect(command("kpromo", line)).toBe("sigcheck --manifests tree --confirm");
    expect(() => command("kpromo", "sigcheck --certificate-identity-regexp=x")).toThrow(
      "--certificate-identity-regexp: identities of signers are compared as a whole",
    );
  });

  it("signs nothing when it is told so", () => {
    const line = "cip --thin-manifest-dir=tree --confirm --sign=false";
    expect(command("kpromo", line)).toBe("promote tree --confirm --no-sign");
  });

  it.each(["gh --org=o", "run files", "manifest validate"])("refuses %s, naming it", (line) => {
    expect(() => command("kpromo", line)).toThrow(`Waybill does not run kpromo ${line.split(" ")[0]}`);
  });
});

describe("a translated line", () => {
  it("is printed so that a shell reads it back", () => {
    expect(shellLine(["merge", "--tag", "v1.*", "it's"])).toBe("merge --tag 'v1.*' 'it'\\''s'");
  });

  it("is said on standard error before it runs, and a refusal ends with 1", async () => {
    const asked = await runAs({}, "cip", "-version");
    expect(asked).toMatchObject({ status: 0, stderr: "note: in Waybill's words: waybill --version\n" });
    expect(asked.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const refused = await runAs({}, "cip", "--thin-manifest-dir=d", "--treads=3");
    expect(refused).toEqual({
      status: 1,
      stdout: "",
      stderr: "error: unknown flag: --treads\n  hint: did you mean --threads?\n",
    });
  });

  it("shows the flags when asked for help", async () => {
    const { status, stdout } = await runAs({}, "cip-mm", "--help");
    expect(status).toBe(0);
    expect(stdout).toContain("--staging-repo");
  });
});

describe("image-builder", () => {
  it.each([
    [
      "--project=k8s-staging-apisnoop --scratch-bucket=gs://b --env-passthrough=PULL_BASE_REF apps/snoopdb",
      "build --push --given-must-match --project k8s-staging-apisnoop --scratch-bucket gs://b --env-passthrough PULL_BASE_REF apps/snoopdb",
    ],
    [
      "-project=p --allow-dirty=true --with-git-dir .",
      "build --push --given-must-match --project p --allow-dirty --with-git-dir .",
    ],
    [
      "--allow-dirty=false --build-dir . --polling-interval 20 x",
      "build --push --given-must-match --build-dir . --polling-interval 20 x",
    ],
  ])("%s", (line, translated) => {
    expect(command("image-builder", line)).toBe(translated);
  });

  it("wants a config folder, in its own words", () => {
    expect(() => command("image-builder", "--project=p")).toThrow(
      "expected a config directory to be provided",
    );
    expect(() => command("image-builder", "--projct=p x")).toThrow("unknown flag: --projct");
  });
});
