import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { delimiter, dirname, join } from "node:path";

/** Programs of this machine that a step of a test may run. */
const programs = ["sh", "cat", "sleep", "env", "ls", "mkdir", "rm", "cp", "id"];

/** What an image for steps holds beside the usual. */
export interface MoreInStepRoot {
  /** Names of programs of this machine. */
  readonly programs?: readonly string[];
  /** Texts by their paths; those that begin with `#!` can be run. */
  readonly files?: Readonly<Record<string, string>>;
}

/**
 * Makes a root file system with a shell and a few programs of this machine in `folder/rootfs`, and beside it a `Dockerfile`
 * for it that pulls nothing: an image for steps where there is no network.
 */
export function buildStepRoot(
  folder: string,
  more: MoreInStepRoot = {},
): { readonly rootfs: string; readonly dockerfile: string } {
  const rootfs = join(folder, "rootfs");
  for (const name of ["bin", "etc", "tmp", "usr", "workspace", "builder/home"]) {
    mkdirSync(join(rootfs, name), { recursive: true });
  }
  symlinkSync("../bin", join(rootfs, "usr/bin"));
  writeFileSync(join(rootfs, "etc/passwd"), "root:x:0:0:root:/:/bin/sh\n");
  const copied = new Set<string>();
  const copy = (from: string, to: string) => {
    if (copied.has(to)) return;
    copied.add(to);
    mkdirSync(dirname(join(rootfs, to)), { recursive: true });
    copyFileSync(realpathSync(from), join(rootfs, to));
  };
  for (const name of [...programs, ...(more.programs ?? [])]) {
    const path = whereIs(name);
    copy(path, `/bin/${name}`);
    for (const library of librariesOf(path)) copy(library, library);
  }
  for (const [path, text] of Object.entries(more.files ?? {})) {
    mkdirSync(dirname(join(rootfs, path)), { recursive: true });
    writeFileSync(join(rootfs, path), text);
    if (text.startsWith("#!")) chmodSync(join(rootfs, path), 0o755);
  }
  const dockerfile = join(folder, "Dockerfile");
  writeFileSync(dockerfile, 'FROM scratch\nCOPY rootfs /\nENV PATH=/bin\nCMD ["/bin/sh"]\n');
  return { rootfs, dockerfile };
}

function whereIs(name: string): string {
  const found = (process.env.PATH ?? "")
    .split(delimiter)
    .concat("/bin", "/usr/bin")
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
  if (found === undefined) throw new Error(`there is no ${name} here`);
  return found;
}

/** The paths that the loader would use; none for a static program. */
function librariesOf(path: string): string[] {
  try {
    const said = execFileSync("ldd", [path], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return Array.from(said.matchAll(/(?:=> |^\s*)(\/\S+)/gm), ([, library]) => String(library));
  } catch {
    return [];
  }
}
