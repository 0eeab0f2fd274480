export { describeImage, type ImageDescription } from "./describe.ts";
export { fetchDocument, type Inspection, type InspectOptions, inspectImage } from "./inspect.ts";
