import { expect } from "vitest";
import { type Driver, databaseOf } from "../../src/database/frame.ts";
import { promised } from "../support/promised.ts";

/** Closes a database, which has a table `a` of numbers, while a transaction is in the middle, and holds what becomes of that. */
export async function closeInTransaction(driver: Driver): Promise<void> {
  const isIn = promised<void>();
  const isClosed = promised<void>();
  const hanging = databaseOf(driver).transaction(async (sql) => {
    await sql.query("INSERT INTO a VALUES (1)");
    isIn.resolve();
    await isClosed.promise;
    await sql.query("INSERT INTO a VALUES (2)");
  });
  await isIn.promise;
  await driver.close(0);
  isClosed.resolve();
  await expect(hanging).rejects.toMatchObject({ code: "closed" });
}
