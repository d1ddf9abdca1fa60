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

/** Translated patterns with {n}, as the template filter `length` uses them. */
export interface LengthPatterns {
  hours: string;
  minutes: string;
  seconds: string;
}

/** A length in words: 38 分 6 秒; from an hour on without seconds (kit.py `length` does the same on the server). */
export function lengthInWords(seconds: number, patterns: LengthPatterns): string {
  const whole = Math.max(0, Math.floor(seconds + 0.001));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = whole % 60;
  const parts: string[] = [];
  if (hours) parts.push(fill(patterns.hours, { n: hours }));
  if (minutes) parts.push(fill(patterns.minutes, { n: minutes }));
  if (!hours && (rest || !minutes)) parts.push(fill(patterns.seconds, { n: rest }));
  return parts.join(" ");
}

/** Study hours without needless zeros: 2, 1.5, 0.25. */
export function hoursText(hours: number): string {
  return String(Math.round(hours * 100) / 100);
}
