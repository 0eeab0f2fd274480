import { UsageError } from "../failure.ts";
import { type Flag, type Help, helpOf, readGoFlags, type Translation } from "./go-flags.ts";
import { logFlags, verbosityOf } from "./log-flags.ts";

const flags: Readonly<Record<string, Flag>> = {
  project: { kind: "text", means: "project whose images are promoted (kubernetes)" },
  "staging-repo": { kind: "text", means: "staging registry; gcr.io/k8s-staging-PROJECT when left out" },
  tag: { kind: "list", short: "t", means: "tags to promote" },
  image: { kind: "list", means: "take only these images" },
  digests: { kind: "list", means: "take only these digests" },
  fork: { kind: "text", means: "fork of kubernetes/k8s.io to push to: USER or USER/REPO" },
  reviewers: { kind: "text", means: "whose review is requested" },
  interactive: { kind: "switch", short: "i", means: "ask before each step that others can see" },
  "use-ssh": { kind: "switch", means: "push over SSH; the default" },
  "update-repo": {
    kind: "switch",
    means: "pull before the change is made",
    instead: "the newest commit is always fetched",
  },
  help: { kind: "switch", short: "h", means: "show this help" },
  ...logFlags,
};

/** What `kpromo pr` is made for, and nothing else. */
const upstream = "github.com/kubernetes/k8s.io";

/**
 * A line of `kpromo pr` as `waybill pr`: for the same repository, folder, branch and staging registry.
 * @throws {UsageError} where `kpromo pr` refuses the line too: without tags, or without a fork.
 */
export function translatePr(line: readonly string[]): Translation | Help {
  const { texts, lists, switches, words, notices } = readGoFlags(line, flags);
  if (switches.get("help")) return { help: helpOf("kpromo pr", "waybill pr", flags) };
  const [unexpected] = words;
  if (unexpected !== undefined) throw new UsageError(`unexpected argument ${JSON.stringify(unexpected)}`);
  const tags = lists.get("tag") ?? [];
  if (tags.length === 0)
    throw new UsageError("cannot start promotion without --tag", "such as --tag v1.30.0");
  const fork = texts.get("fork") ?? "";
  if (fork === "") throw new UsageError("cannot start promotion without --fork", "such as --fork YOUR-NAME");
  const project = texts.get("project") || "kubernetes";
  const staging = texts.get("staging-repo") || `gcr.io/k8s-staging-${project}`;
  const reviewers = (texts.get("reviewers") ?? "@kubernetes/release-engineering")
    .split(/[\s,]+/)
    .map((name) => name.replace(/^@/, ""))
    .filter((name) => name !== "");
  const repeated = (option: string, values: readonly string[]): string[] =>
    values.flatMap((value) => [option, value]);
  return {
    command: [
      ...["pr", upstream, "--manifests", "registry.k8s.io", "--project", project, "--staging-repo", staging],
      ...repeated("--tag", tags),
      ...repeated("--image", lists.get("image") ?? []),
      ...repeated("--digest", lists.get("digests") ?? []),
      ...["--fork", fork.includes("/") ? fork : `${fork}/k8s.io`],
      ...repeated("--reviewer", reviewers),
      ...(switches.get("interactive") ? ["--interactive"] : []),
      ...(switches.get("use-ssh") === false ? [] : ["--ssh"]),
      ...verbosityOf(texts),
    ],
    notices,
  };
}
