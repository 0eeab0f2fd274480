import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Plugin, rolldown } from "rolldown";

/** The name under which code imports what browsers load: texts by their file names. */
const moduleName = "waybill:assets";
const folder = resolve(import.meta.dirname, "../src/pages/browser");
/** Each is one file, with all that it needs of packages in it. */
const scripts = ["page", "log", "promotion"];
/** Parts of the one style sheet, in their order: what each says of a kind of thing stands in one of them. */
const styles = ["base", "parts", "log", "image", "chart", "promotion", "production", "review"];

/** Makes scripts and the style of pages part of the program: they are of its version, and need no folder beside it. */
export const assets: Plugin = {
  name: "assets",
  resolveId: (source) => (source === moduleName ? `\0${moduleName}` : null),
  async load(id) {
    if (id !== `\0${moduleName}`) return null;
    const made = await Promise.all(scripts.map(async (name) => [`${name}.js`, await bundle(name)] as const));
    const style = await Promise.all(styles.map((name) => text(join("style", `${name}.css`))));
    const read = { "page.css": style.join("\n"), "icon.svg": await text("icon.svg") };
    return `export const assets = ${JSON.stringify({ ...Object.fromEntries(made), ...read })};`;
  },
};

function text(path: string): Promise<string> {
  return readFile(join(folder, path), "utf8");
}

async function bundle(name: string): Promise<string> {
  const input = join(folder, `${name}.ts`);
  const bundling = await rolldown({ input, platform: "browser", tsconfig: join(folder, "tsconfig.json") });
  const { output } = await bundling.generate({ format: "esm", minify: true });
  await bundling.close();
  const [script, ...more] = output;
  if (more.length > 0) throw new Error(`${name}.ts became ${output.length} files`);
  return script.code;
}
