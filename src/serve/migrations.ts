import { accessMigrations } from "../access/index.ts";
import { chatopsMigrations } from "../chatops/index.ts";
import type { Migration } from "../database/index.ts";
import { deliveriesMigrations } from "../deliveries/index.ts";
import { historyMigrations } from "../history/index.ts";
import { matrixMigrations } from "../matrix/index.ts";
import { notificationsMigrations } from "../notifications/index.ts";
import { productionMigrations } from "../production/index.ts";
import { queueMigrations } from "../queue/index.ts";
import { reviewsMigrations } from "../reviews/index.ts";
import { storeMigrations } from "../store/index.ts";
import { retryMigrations, triggersMigrations } from "../triggers/index.ts";
import { workMigrations } from "../work/index.ts";
import { acceptedBranchMigrations } from "./accepted-branch.ts";
import { hostStatesMigrations } from "./host-states.ts";
import { processesMigrations } from "./processes.ts";

/** All tables of a server. The order of what was applied anywhere never changes. */
export const migrations: readonly Migration[] = [
  ...queueMigrations,
  ...storeMigrations,
  ...accessMigrations,
  ...deliveriesMigrations,
  ...triggersMigrations,
  ...workMigrations,
  ...chatopsMigrations,
  ...notificationsMigrations,
  ...acceptedBranchMigrations,
  ...processesMigrations,
  ...hostStatesMigrations,
  ...retryMigrations,
  ...matrixMigrations,
  ...reviewsMigrations,
  ...historyMigrations,
  ...productionMigrations,
];
