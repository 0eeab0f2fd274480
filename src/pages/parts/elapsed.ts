/** How long after a moment another one was, as a clock has it: minutes and seconds, and hours where there are any. */
export function elapsedBetween(from: number, to: number): string {
  const seconds = Math.max(0, Math.floor((to - from) / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const two = (number: number): string => String(number).padStart(2, "0");
  return `${hours === 0 ? "" : `${hours}:`}${two(minutes)}:${two(seconds % 60)}`;
}
