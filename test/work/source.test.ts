import { expect } from "vitest";
import { defaultSettings } from "../../src/settings/index.ts";
import { openSources } from "../../src/work/index.ts";
import { startForgeServer } from "../support/forge-server/server.ts";
import { gitEnvironment } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { serve } from "../support/scripted-server.ts";
import { temporaryFolder } from "../support/tree.ts";

testWith("git")("a repository is reached with its credential while the API of its forge fails", async () => {
  const forge = await startForgeServer({ kind: "gitea" });
  const { path: folder, remove } = await temporaryFolder("source");
  try {
    const token = forge.addUser("robot");
    await forge.createRepository("robot/app", { a: "1" }, { isPrivate: true });
    forge.failNext({ kind: "answer", status: 403 }, { path: /^\/api\//, times: 100 });
    const settings = { ...defaultSettings, forges: { [forge.host]: { kind: "gitea" as const } } };
    const environment = { ...gitEnvironment, WAYBILL_FORGE_TOKEN: token };
    const source = openSources({ settings, environment, folder })(`${forge.url}/robot/app.git`);
    const credential = await source.credential();
    expect(credential?.origin).toBe(forge.url);
    expect(typeof credential?.token === "function" ? await credential.token() : credential?.token).toBe(
      token,
    );
    await source.reach();
    await (await source.mirror()).commitOf("refs/heads/main");
    await expect(source.forge()).rejects.toThrow();
    forge.clearFaults();
    expect(await source.forge()).toBeDefined();
  } finally {
    await forge.close();
    await remove();
  }
});

for (const method of ["mirror", "reach"] as const) {
  testWith("git")(
    `a repository that does not answer is waited for until that is called off: ${method}`,
    async () => {
      const stopping = new AbortController();
      const reason = new Error("enough");
      const silent = await serve(() => stopping.abort(reason));
      const { path: folder, remove } = await temporaryFolder("source");
      const settings = { ...defaultSettings, forges: { [silent.host]: { kind: "gitea" as const } } };
      const sourceOf = openSources({ settings, environment: gitEnvironment, folder }, stopping.signal);
      try {
        await expect(sourceOf(`${silent.origin}/a/b.git`)[method]()).rejects.toBe(reason);
      } finally {
        await remove();
      }
    },
  );
}
