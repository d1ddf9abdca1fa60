/** Chapters of a lecture: read from WebVTT, found by time, and where their marks stand on the bar. Pure. */
import { parse } from "./webvtt";

export interface Chapter {
  startS: number;
  title: string;
}

/** Chapters in order; one alone divides nothing, so none are returned then. */
export function readChapters(vtt: string): Chapter[] {
  const found = parse(vtt).map(({ startS, text }) => ({ startS, title: text.replace(/\s+/g, " ") }));
  found.sort((a, b) => a.startS - b.startS);
  return found.length > 1 ? found : [];
}

/** The chapter that a second of the lecture lies in; -1 before the first. */
export function chapterAt(chapters: Chapter[], positionS: number): number {
  let found = -1;
  chapters.forEach((chapter, index) => {
    // A jump to a chapter may land a frame early.
    if (chapter.startS <= positionS + 0.05) found = index;
  });
  return found;
}

/** Where chapters begin on a bar, 0 to 1; none at its very beginning or end. */
export function marks(chapters: Chapter[], durationS: number): number[] {
  if (!(durationS > 0)) return [];
  return chapters.map(({ startS }) => startS / durationS).filter((share) => share > 0.002 && share < 0.998);
}
