import type { Page } from "playwright-core";
import type { Database } from "../../src/database/index.ts";
import { createPages } from "../../src/pages/index.ts";
import {
  type ServerWorld,
  serverMigrations,
  serverWorld,
  type WorldOptions,
} from "../server/server-world.ts";
import { usePglite } from "../support/databases.ts";

/** A server with its pages, whose runs the test carries out itself. */
export function usePages(): (
  options?: WorldOptions | ((db: Database) => WorldOptions),
) => Promise<ServerWorld> {
  const databases = usePglite();
  return async (options = {}) => {
    const problems: unknown[] = [];
    const db = await databases.open(serverMigrations);
    const world = await serverWorld(db, {
      ...(typeof options === "function" ? options(db) : options),
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
