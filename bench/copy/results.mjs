// Results of scenarios as JSON, in the folder of the page that is made from them.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

export async function writeResult(page, result) {
  const file = fileOf(page, result.scenario);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(result)}\n`);
}

/** The stored result of a scenario, or undefined. */
export async function readResult(page, scenario) {
  const text = await readFile(fileOf(page, scenario), "utf8").catch(() => undefined);
  return text === undefined ? undefined : JSON.parse(text);
}

/** The folder with the results and charts of a page. */
export function folderOf(page) {
  return page.replace(/\.md$/, "");
}

function fileOf(page, scenario) {
  return join(folderOf(page), "results", `${scenario}.json`);
}
