import { settingsShape } from "./schema.ts";

/** The JSON Schema of `waybill.yaml` for editors: what `waybill.schema.json` of the package holds. */
export function settingsJsonSchema(): object {
  return { $schema: "https://json-schema.org/draft/2020-12/schema", ...settingsShape("/").editor };
}
