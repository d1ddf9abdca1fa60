/** Writes times of a lecture. Pure. */

/** `04:04`, from an hour on `1:04:04`; a second that has begun counts as passed only when it has. */
export function timeline(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds + 0.001));
  const two = (n: number) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const rest = `${two(Math.floor((whole % 3600) / 60))}:${two(whole % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}

/** Puts values into a translated sentence: `fill("{n} left", {n: 3})` is `3 left`. */
export function fill(sentence: string, values: Record<string, string | number>): string {
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

/** A duration in words, by translated patterns with {minutes} and {seconds}; seconds always as two figures after minutes. */
export function duration(seconds: number, patterns: { minutes: string; seconds: string }): string {
  const whole = Math.max(0, Math.floor(seconds + 0.001));
  const minutes = Math.floor(whole / 60);
  if (!minutes) return fill(patterns.seconds, { seconds: whole });
  return fill(patterns.minutes, { minutes, seconds: String(whole % 60).padStart(2, "0") });
}
