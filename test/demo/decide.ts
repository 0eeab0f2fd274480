import type { Page } from "playwright-core";

/** Does what the demonstration waits for, on the page that it names, and waits until it shows what came of it. */
export async function decideOn(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Lift the hold" }).click();
  // It is live: nobody reads it anew.
  await page.getByText("merged").first().waitFor();
}
