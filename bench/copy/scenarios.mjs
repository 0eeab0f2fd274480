// All scenarios, in the order in which they run.
import { large, largeFour } from "./scenarios/large.mjs";
import { freshSmall, newTag, nothingToDo, oneLayer, smallFour } from "./scenarios/small.mjs";

export const scenarios = [freshSmall, nothingToDo, newTag, oneLayer, smallFour, large, largeFour];
