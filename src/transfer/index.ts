export {
  imagesOf,
  type Transfer,
  type TransferOutcome,
  type TransferResult,
  transferImages,
  type WantedImage,
} from "./transfer.ts";
