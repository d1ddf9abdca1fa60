/** Reads WebVTT (https://www.w3.org/TR/webvtt1/) as captions, transcript and storyboard. Pure. */
export interface Cue {
  startS: number;
  endS: number;
  text: string;
}

const TIME = String.raw`(?:(\d+):)?(\d{2}):(\d{2})\.(\d{3})`;
const TIMING = new RegExp(`^${TIME}[ \\t]+-->[ \\t]+${TIME}`);

/** Cues in the order of the file; notes, styles and unreadable blocks are left out, tags are taken off the text. */
export function parse(text: string): Cue[] {
  const cues: Cue[] = [];
  for (const block of text.replace(/\r\n?/g, "\n").replace(/^\uFEFF/, "").split(/\n{2,}/)) {
    const lines = block.split("\n").filter((line) => line !== "");
    const at = lines.findIndex((line) => TIMING.test(line));
    if (at < 0 || at > 1) continue;
    const match = TIMING.exec(lines[at] as string) as RegExpExecArray;
    const startS = seconds(match.slice(1, 5));
    const endS = seconds(match.slice(5, 9));
    const words = plain(lines.slice(at + 1).join("\n"));
    if (endS > startS && words) cues.push({ startS, endS, text: words });
  }
  return cues;
}

function seconds(parts: (string | undefined)[]): number {
  const [hours, minutes, whole, thousandths] = parts.map((part) => Number(part ?? 0)) as [number, number, number, number];
  return hours * 3600 + minutes * 60 + whole + thousandths / 1000;
}

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", nbsp: "\u00a0", lrm: "", rlm: "" };

function plain(text: string): string {
  return text
    .replace(/<[^>]*>/g, "")
    .replace(/&(amp|lt|gt|nbsp|lrm|rlm);/g, (_, name: string) => ENTITIES[name] ?? "")
    .trim();
}

/** The cue spoken at a second (the later one where two overlap), by halving: transcripts are long. Index or -1. */
export function cueAt(cues: Cue[], positionS: number): number {
  let low = 0;
  let high = cues.length - 1;
  let found = -1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if ((cues[middle] as Cue).startS <= positionS) {
      found = middle;
      low = middle + 1;
    } else high = middle - 1;
  }
  const cue = cues[found];
  return cue && positionS < cue.endS ? found : -1;
}

/** A picture inside a sheet of pictures: `sheet.jpg#xywh=160,0,160,90` (Media Fragments §4.2.2). */
export interface Tile {
  url: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Reads a storyboard cue; addresses are taken relative to the storyboard's own. Null when it is not a tile. */
export function tile(cue: Cue, storyboardUrl: string): Tile | null {
  const match = /^(\S+)#xywh=(?:pixel:)?(\d+),(\d+),(\d+),(\d+)$/.exec(cue.text);
  if (!match) return null;
  const [x, y, width, height] = match.slice(2).map(Number) as [number, number, number, number];
  return { url: new URL(match[1] as string, storyboardUrl).href, x, y, width, height };
}
