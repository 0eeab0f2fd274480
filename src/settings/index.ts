export {
  type CredentialRule,
  defaultSettings,
  type HostSettings,
  type Location,
  type Settings,
} from "./model.ts";
