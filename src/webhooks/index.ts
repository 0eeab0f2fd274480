export { type Admitted, authenticate, type WebhookRequest, type WebhookSource } from "./authenticate.ts";
export {
  type Delivery,
  type ForgeSender,
  isHint,
  type Recognized,
  type RegistryHint,
  type RegistrySender,
  type WebhookHeaders,
  type WebhookRefusal,
  type WebhookRefusalCode,
} from "./model.ts";
export { readDelivery } from "./read.ts";
export { recognize } from "./recognize.ts";
export { type DeliveryOutcome, replayDecision } from "./replay.ts";
export { signStandard, type ToSign } from "./sign.ts";
