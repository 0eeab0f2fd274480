import { expect } from "vitest";
import { defaultSettings } from "../../src/settings/index.ts";
import { openSources } from "../../src/work/index.ts";
import { gitEnvironment } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { serve } from "../support/scripted-server.ts";
import { temporaryFolder } from "../support/tree.ts";

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
