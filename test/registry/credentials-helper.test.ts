import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { askHelper, rememberingHelpers } from "../../src/registry/credentials/helper.ts";
import { RegistryError } from "../../src/registry/errors.ts";

let folder: string;
let environment: NodeJS.ProcessEnv;
const back = process.cwd();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "waybill-helper-"));
  environment = { PATH: [folder, process.env.PATH].join(delimiter), FOLDER: folder };
});
afterEach(async () => {
  process.chdir(back);
  await rm(folder, { recursive: true, force: true });
});

/** Puts a helper into PATH: a program of its own, run without a shell of ours. */
async function helper(name: string, script: string, where = folder) {
  const file = join(where, `docker-credential-${name}`);
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
}

const ask = (name: string, server = "registry.example.com", timeoutMilliseconds = 30_000) =>
  askHelper(name, server, { environment, namedIn: "config.json", timeoutMilliseconds });

async function refusal(asked: Promise<unknown>): Promise<RegistryError> {
  const error = await asked.then(
    () => new Error("it was answered"),
    (thrown: unknown) => thrown,
  );
  if (error instanceof RegistryError) return error;
  throw error;
}

describe("a helper", () => {
  test("is asked on standard input and answers with a user name and secret", async () => {
    await helper(
      "good",
      'read server\necho "$1 $server" >"$FOLDER/asked"\necho \'{"Username":"me","Secret":"pw"}\'',
    );
    const credential = await ask("good");
    expect(credential).toMatchObject({ kind: "basic", username: "me" });
    expect(credential?.kind === "basic" && credential.password).toBe("pw");
    expect(credential?.source).toBe("docker-credential-good, named in config.json");
    expect(await readFile(join(folder, "asked"), "utf8")).toBe("get registry.example.com\n");
  });

  test("gives an identity token under the name <token>", async () => {
    await helper("token", `echo '{"ServerURL":"x","Username":"<token>","Secret":"refresh"}'`);
    const credential = await ask("token");
    expect(credential?.kind === "identity-token" && credential.token).toBe("refresh");
  });

  test("that does not know the server gives nothing", async () => {
    await helper("empty", "echo credentials not found in native keychain; exit 1");
    await helper("blank", `echo '{"Username":"","Secret":""}'`);
    expect(await ask("empty")).toBeUndefined();
    expect(await ask("blank")).toBeUndefined();
  });

  test("may end without reading what it is asked", async () => {
    await helper("deaf", `exec 0<&-; echo '{"Username":"me","Secret":"pw"}'`);
    expect(await ask("deaf", "x".repeat(2 ** 20))).toMatchObject({ username: "me" });
  });
});

describe("a helper fails", () => {
  test("when its name is no helper's name, and nothing is run", async () => {
    for (const name of ["", "../evil", "a b", "x;touch y", "$(id)", "a/b", "a\n"]) {
      expect(await refusal(ask(name))).toMatchObject({ code: "credential-helper", where: "config.json" });
    }
  });

  test("when it is not in PATH", async () => {
    expect(await refusal(ask("absent"))).toMatchObject({
      code: "credential-helper",
      message: "the credential helper is not in PATH",
      where: "docker-credential-absent, named in config.json",
    });
  });

  test("when only a relative folder of PATH has it: the working directory is not trusted", async () => {
    const checkout = join(folder, "checkout");
    await mkdir(join(checkout, "bin"), { recursive: true });
    await helper("planted", `echo '{"Username":"me","Secret":"pw"}'`, checkout);
    await helper("planted", `echo '{"Username":"me","Secret":"pw"}'`, join(checkout, "bin"));
    process.chdir(checkout);
    for (const path of ["", ".", "bin", `${delimiter}.${delimiter}bin`]) {
      environment = { PATH: path };
      expect((await refusal(ask("planted"))).message).toBe("the credential helper is not in PATH");
    }
  });

  test("when it is a folder or may not be run", async () => {
    await mkdir(join(folder, "docker-credential-folder"));
    await writeFile(join(folder, "docker-credential-plain"), "text");
    expect((await refusal(ask("folder"))).message).toBe("the credential helper is not in PATH");
    if (process.getuid?.() !== 0) {
      expect((await refusal(ask("plain"))).message).toBe("the credential helper is not in PATH");
    }
  });

  test("with what it said on standard error, or on standard output", async () => {
    await helper("angry", "echo 'no session:\x1b[31m log in first' >&2; exit 3");
    expect((await refusal(ask("angry"))).message).toBe(
      "the credential helper failed with exit code 3: no session: [31m log in first",
    );
    await helper("plain", "echo error getting credentials; exit 1");
    expect((await refusal(ask("plain"))).message).toBe(
      "the credential helper failed with exit code 1: error getting credentials",
    );
  });

  test("without a word of the secret it had printed", async () => {
    const secret = 'hunter2 is \\"short\\"';
    await helper(
      "leaky",
      `printf '%s' '{"Username":"me","Secret":"${secret}"}'
      echo 'got hunter2 is "short" for Authorization: Basic bWU6aHVudGVyMg== token=ghp_abcdef' >&2
      echo 'at https://me:hunter2@registry.example.com' >&2
      exit 1`,
    );
    const error = await refusal(ask("leaky"));
    const printed = `${inspect(error, { depth: 9 })} ${JSON.stringify(error)} ${error.message}`;
    expect(printed).not.toMatch(/hunter2|bWU6|ghp_|short/);
    expect(error.message).toContain("failed with exit code 1: got [redacted] for Authorization");
  });

  test("when its answer is not JSON, has no secret, or comes from a failure", async () => {
    for (const answer of ["hunter2", '{"Username":"me"}', '["hunter2"]', "{"]) {
      await helper("odd", `echo '${answer}'`);
      const error = await refusal(ask("odd"));
      expect(error.message).toBe("the credential helper's answer is not what the protocol asks for");
      expect(inspect(error)).not.toContain("hunter2");
    }
    await helper("half", `echo '{"Username":"me","Secret":"hunter2"}'; exit 1`);
    expect((await refusal(ask("half"))).message).toBe("the credential helper failed with exit code 1");
  });

  test("when it writes without end", async () => {
    await helper("endless", "while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done");
    expect((await refusal(ask("endless"))).message).toMatch(
      /^the credential helper wrote more than 65536 bytes/,
    );
  });

  test("when it gives no answer in time, even if it left a program behind that holds its output", async () => {
    await helper("slow", 'sleep 600 & echo $! >"$FOLDER/pid"; wait');
    const error = await refusal(ask("slow", "registry.example.com", 500));
    expect(error.message).toBe("the credential helper gave no answer within 0.5 seconds");
    process.kill(Number(await readFile(join(folder, "pid"), "utf8")));
  });

  test("when it is killed", async () => {
    await helper("killed", "kill -9 $$");
    expect((await refusal(ask("killed"))).message).toBe("the credential helper was ended by SIGKILL");
  });

  test("when the system cannot start it", async () => {
    const file = join(folder, "docker-credential-broken");
    await writeFile(file, "#!/no/such/interpreter\n");
    await chmod(file, 0o755);
    expect((await refusal(ask("broken"))).message).toBe("the credential helper could not be started: ENOENT");
  });
});

describe("answers", () => {
  const asked = async () => (await readFile(join(folder, "count"), "utf8").catch(() => "")).length;

  test("are asked for once for a server, also by many at the same time", async () => {
    await helper("counting", `printf x >>"$FOLDER/count"; echo '{"Username":"me","Secret":"pw"}'`);
    const remembering = rememberingHelpers(environment);
    const all = await Promise.all(
      Array.from({ length: 20 }, () => remembering("counting", "a.b", "config.json")),
    );
    expect(new Set(all).size).toBe(1);
    expect(await asked()).toBe(1);
    await remembering("counting", "a.b", "config.json");
    expect(await asked()).toBe(1);
    await remembering("counting", "c.d", "config.json");
    expect(await asked()).toBe(2);
  });

  test("that are failures are remembered too", async () => {
    await helper("failing", 'printf x >>"$FOLDER/count"; exit 1');
    const remembering = rememberingHelpers(environment);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await refusal(remembering("failing", "a.b", "config.json"));
    }
    expect(await asked()).toBe(1);
  });
});
