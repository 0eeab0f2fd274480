export { describeImage, type ImageDescription } from "./describe.ts";
export { fetchDocument, type IdentifyOptions, identifyImage } from "./identify.ts";
export { type Inspection, type InspectOptions, inspectImage } from "./inspect.ts";
export { type ListedTag, listTags, type TagList, type TagListOptions } from "./tags.ts";
