import type { Locator, Page } from "playwright-core";

/** A way from the first page to what somebody wants to know, whose steps are counted. */
export interface CountedWay {
  readonly steps: number;
  /** Opens what a link leads to. */
  follow(name: string | RegExp): Promise<void>;
  /** Looks for something in the search box of every page. */
  find(text: string): Promise<void>;
  /** Presses a button. */
  press(name: string): Promise<void>;
  /** Makes sure that something can be read, without a step. */
  read(text: string | RegExp): Promise<void>;
}

/** Begins at the first page of the server that the page shows. */
export async function wayFrom(page: Page): Promise<CountedWay> {
  let steps = 0;
  await page.goto(new URL("/", page.url()).href);
  const main = page.getByRole("main");
  const step = async (act: () => Promise<void>): Promise<void> => {
    steps += 1;
    // It leads to another page, or to the same one anew: the one before is there still when the act has ended.
    const loaded = page.waitForEvent("load");
    await act();
    await loaded;
  };
  const first = (found: Locator): Locator => found.first();
  return {
    get steps() {
      return steps;
    },
    follow: (name) => step(() => first(page.getByRole("link", { name })).click()),
    async find(text) {
      await page.getByRole("search").getByRole("searchbox").fill(text);
      await step(() => page.keyboard.press("Enter"));
    },
    press: (name) => step(() => page.getByRole("button", { name }).click()),
    read: (text) => first(main.getByText(text)).waitFor(),
  };
}
