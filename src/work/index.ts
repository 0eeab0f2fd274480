export { carryOut } from "./carry-out.ts";
export { WorkError, type WorkErrorCode } from "./errors.ts";
export type { ProductionMemory, RecordRequest, RunRecords, WorkEnvironment } from "./model.ts";
export { type ForgeOutbox, openOutbox, type RunComment, type RunStatus } from "./outbox.ts";
export { noteStatusEnd, workMigrations } from "./outbox-tables.ts";
export { registriesForReading } from "./registries.ts";
export { networkOf, openSources, type RunSource, type SourceForge } from "./source.ts";
