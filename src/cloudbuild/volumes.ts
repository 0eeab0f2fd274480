import { posix } from "node:path";
import { quoted } from "../diagnostics/index.ts";
import type { CloudBuildVolume } from "./file.ts";
import type { CloudBuildFindings } from "./findings.ts";
import type { VolumeFields } from "./shape.ts";

const reservedPaths = ["/workspace", "/builder/home", "/var/run/docker.sock"];

/** Volumes of one list, each with a name and a path that the service takes. */
export function readVolumes(
  volumes: readonly VolumeFields[] | undefined,
  findings: CloudBuildFindings,
): CloudBuildVolume[] {
  const refuse = (...found: Parameters<CloudBuildFindings["report"]>): [] => {
    findings.report(...found);
    return [];
  };
  return (volumes ?? []).flatMap(({ value: { name, path }, at }) => {
    if (name === undefined || path === undefined) {
      return refuse("missing-key", at, `a volume needs ${name === undefined ? "a name" : "a path"}`);
    }
    if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name.value)) {
      const rule = "two or more letters, digits, _ . and -, of which a letter or digit comes first";
      return refuse("volume", name.at, `invalid volume name ${quoted(name.value)}`, rule);
    }
    const shown = quoted(path.value);
    if (!path.value.startsWith("/")) {
      return refuse("volume", path.at, `the path of a volume is absolute, unlike ${shown}`);
    }
    // Engines are told of a volume in one word, where these begin the next part: its options, which may name any folder.
    if (/[:,"\p{Cc}]/u.test(path.value)) {
      const rule = 'the path of a volume has no :, no comma and no "';
      return refuse("volume", path.at, `invalid path of a volume ${shown}`, rule);
    }
    const plain = posix.resolve(path.value);
    if (reservedPaths.includes(plain) || `${plain}/`.startsWith("/cloudbuild/")) {
      return refuse("volume", path.at, `the path ${shown} is reserved`, "mount the volume elsewhere");
    }
    return [{ name, path }];
  });
}

/** Whether no name and no path stands twice among the volumes of a step, and each is there for two steps or more. */
export function checkVolumes(
  steps: readonly { readonly volumes: readonly CloudBuildVolume[] }[],
  ofAll: readonly CloudBuildVolume[],
  findings: CloudBuildFindings,
): void {
  const users = new Map<string, number>();
  for (const { volumes } of steps) {
    const names = new Set(ofAll.map(({ name }) => name.value));
    const paths = new Set(ofAll.map(({ path }) => path.value));
    for (const { name, path } of volumes) {
      if (names.has(name.value))
        findings.report("volume", name.at, `the step has a volume ${quoted(name.value)} already`);
      if (paths.has(path.value))
        findings.report("volume", path.at, `the step has a volume at ${quoted(path.value)} already`);
      names.add(name.value);
      paths.add(path.value);
    }
    for (const name of names) users.set(name, (users.get(name) ?? 0) + 1);
  }
  const seen = new Set<string>();
  for (const { name } of [...ofAll, ...steps.flatMap(({ volumes }) => volumes)]) {
    if (seen.has(name.value) || users.get(name.value) !== 1) continue;
    seen.add(name.value);
    const message = `the volume ${quoted(name.value)} is used by one step alone`;
    findings.report("volume", name.at, message, "what one step needs can stand anywhere in its container");
  }
}
