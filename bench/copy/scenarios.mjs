// All scenarios, in the order in which they run.
import { large, largeFour, largeFourSlowSource } from "./scenarios/large.mjs";
import { mediumMany } from "./scenarios/many.mjs";
import { quota } from "./scenarios/quota.mjs";
import { reconcile } from "./scenarios/reconcile.mjs";
import {
  freshSmall,
  freshSmall40,
  freshSmall120,
  newTag,
  nothingToDo,
  oneLayer,
  smallFour,
} from "./scenarios/small.mjs";
import { memory, slowDestination, trace } from "./scenarios/streams.mjs";

export const scenarios = [
  freshSmall,
  freshSmall40,
  freshSmall120,
  nothingToDo,
  newTag,
  oneLayer,
  smallFour,
  large,
  largeFour,
  largeFourSlowSource,
  mediumMany,
  quota,
  slowDestination,
  reconcile,
  memory,
  trace,
];
