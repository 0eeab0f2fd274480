import type { Page } from "playwright-core";
import { createPages } from "../../src/pages/index.ts";
import {
  type ServerWorld,
  serverMigrations,
  serverWorld,
  type WorldOptions,
} from "../server/server-world.ts";
import { usePglite } from "../support/databases.ts";

/** A server with its pages, whose runs the test carries out itself. */
export function usePages(): (options?: WorldOptions) => Promise<ServerWorld> {
  const databases = usePglite();
  return async (options = {}) => {
    const problems: unknown[] = [];
    const world = await serverWorld(await databases.open(serverMigrations), {
      ...options,
      serve: (api, publicUrl) =>
        createPages({ version: "0.0.0", api, publicUrl, onProblem: (error) => void problems.push(error) }),
    });
    return { ...world, problems };
  };
}

/** Shows a token, as somebody does who has no other login. */
export async function logIn(page: Page, token: string): Promise<void> {
  await page.goto("/login?return=%2Fjobs");
  await page.getByLabel("Token").fill(token);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForURL("/jobs");
}
