import { quoted } from "../diagnostics/index.ts";

/** Built-in substitutions of every build; nobody else may set them. */
const ofEveryBuild = ["PROJECT_ID", "BUILD_ID", "PROJECT_NUMBER", "LOCATION"];

/**
 * Built-in substitutions of builds that a trigger starts. Whoever starts a build otherwise may set them, by the
 * documentation of the hosted service; the old open tool let only six of them be set.
 */
const ofTriggeredBuilds = [
  ...["TRIGGER_NAME", "COMMIT_SHA", "REVISION_ID", "SHORT_SHA", "REPO_NAME", "REPO_FULL_NAME", "BRANCH_NAME"],
  ...["TAG_NAME", "REF_NAME", "TRIGGER_BUILD_CONFIG_PATH", "SERVICE_ACCOUNT_EMAIL", "SERVICE_ACCOUNT"],
];

/** The names of all built-in substitutions. */
export const builtInKeys: readonly string[] = [...ofEveryBuild, ...ofTriggeredBuilds];

/** The hosted service's, as far as it is known; the old open tool took a hundred. */
export const maxSubstitutions = 200;
const maxKeyLength = 100;
/** Of a value, in characters. */
export const maxValueLength = 4000;

/** Whether it is a key as users choose them. */
export function isUserKey(key: string): boolean {
  return /^_[A-Z0-9_]+$/.test(key);
}

/** What is wrong with a user's key or its value. */
export function keyFault(key: string, value: string): { message: string; hint: string } | undefined {
  if (key.length > maxKeyLength) {
    return {
      message: `the substitution key ${quoted(key)} has more than ${maxKeyLength} characters`,
      hint: "choose a shorter one",
    };
  }
  if (value.length > maxValueLength) {
    return {
      message: `the value of ${key} has more than ${maxValueLength} characters`,
      hint: "keep it in a file",
    };
  }
  return undefined;
}

/** What is wrong with a substitution that is given for a build from outside of its file. */
export function givenFault(key: string, value: string): { message: string; hint: string } | undefined {
  if (isUserKey(key) || ofTriggeredBuilds.includes(key)) return keyFault(key, value);
  if (ofEveryBuild.includes(key)) {
    return { message: `the built-in substitution ${key} cannot be set`, hint: "leave it out" };
  }
  return {
    message: `invalid substitution key ${quoted(key)}: it is no built-in one, and those of users match ^_[A-Z0-9_]+$`,
    hint: "begin with an underscore, and use capital letters, digits and underscores",
  };
}
