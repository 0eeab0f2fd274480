import { chmod, mkdir, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ContainerRun } from "../../../src/builds/engine.ts";
import { detectBuildah } from "../../../src/builds/engines/buildah.ts";
import { temporaryFolder } from "../../support/tree.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder("buildah-output");
});
afterEach(() => folder.remove());

/** Buildah as it is on a bad day: what a step writes to it is lost, and what a step writes elsewhere is not. */
const forgetful = `#!/bin/sh
for word; do
  case $word in
    --version) echo 'buildah version 1.28.2'; exit ;;
    inspect) echo '{}'; exit ;;
    from|rm) exit ;;
    run) break ;;
  esac
done
pipe=''
while [ "$1" != -- ]; do
  case $1 in *:/run/waybill-output) pipe=\${1%:/run/waybill-output} ;; esac
  shift
done
shift
if [ -n "$LC_NO_SHELL" ] && [ "$1" = /bin/sh ]; then echo 'stat /bin/sh: no such file' >&2; exit 1; fi
count=$#
while [ $count -gt 0 ]; do
  word=$(printf '%s' "$1" | sed "s#/run/waybill-output#$pipe#")
  shift
  set -- "$@" "$word"
  count=$((count - 1))
done
if [ -n "$pipe" ]; then "$@" >/dev/null; else "$@"; fi
code=$?
[ $code = 0 ] || echo "Error: exit status $code" >&2
exit $code
`;

/** What a step is heard to say, and its exit code. */
async function hear(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const programs = join(folder.path, "programs");
  await mkdir(programs);
  await writeFile(join(programs, "buildah"), forgetful);
  await chmod(join(programs, "buildah"), 0o755);
  const PATH = `${programs}${delimiter}${process.env.PATH}`;
  const engine = await detectBuildah({ PATH, ...environment });
  if ("reason" in engine) throw new Error(engine.reason);
  const place = join(folder.path, "engine");
  await mkdir(place);
  const workshop = await engine.open(place);
  const action: ContainerRun = {
    kind: "run",
    image: "tool",
    args,
    env: {},
    secretEnv: [],
    dir: "/workspace",
    mounts: {},
  };
  let said = "";
  const output = (chunk: Uint8Array): void => {
    said += Buffer.from(chunk).toString();
  };
  const end = await workshop.perform(action, { output, signal: new AbortController().signal });
  await workshop.close();
  return { said, ...end };
}

test("what a step says comes whole and in order, before what Buildah says of it", async () => {
  const script =
    "i=0; while [ $i -lt 1000 ]; do echo $i; i=$((i+1)); done; echo bad >&2; echo out >/dev/stdout; exit 7";
  const { said, exitCode } = await hear(["/bin/sh", "-c", script]);
  const numbers = Array.from({ length: 1000 }, (_, index) => `${index}\n`).join("");
  expect(said).toBe(`${numbers}bad\nout\nError: exit status 7\n`);
  expect(exitCode).toBe(7);
});

test("a process that a step leaves behind is not waited for", async () => {
  const { said, exitCode } = await hear(["/bin/sh", "-c", "sleep 600 & echo $!"]);
  process.kill(Number(said));
  expect(exitCode).toBe(0);
});

test("an image without a shell is run as it is, once", async () => {
  const { said, exitCode } = await hear(["echo", "a", "b c"], { LC_NO_SHELL: "yes" });
  expect(said).toBe("a b c\n");
  expect(exitCode).toBe(0);
});
