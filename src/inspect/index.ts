export { fetchDocument, type Inspection, type InspectOptions, inspectImage } from "./inspect.ts";
