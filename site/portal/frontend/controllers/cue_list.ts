/** A row of captions as the editor «校对字幕» works on it: every change gives a new row. Pure. */

export interface Cue {
  /** Stays the same while the caption is edited; never leaves the page. */
  id: number;
  beginMs: number;
  endMs: number;
  text: string;
  /** WebVTT cue settings, e.g. «line:0»; kept as they are. */
  settings: string;
}

/** How cues travel: [begin_ms, end_ms, text, settings]. */
export type Sent = [number, number, string, string];

export type Warning = "overlap" | "order" | "short" | "long" | "fast" | "empty" | "beyond";

/** The least a caption lasts, also after 提前 and 推后. */
export const LEAST_MS = 100;
const READABLE_MS = 500;
const LONG_SIGNS = 40;
/** Han signs a second that nobody can read any more. */
const FAST = 12;

let lastId = 0;

export function received(sent: Sent[]): Cue[] {
  return sent.map(([beginMs, endMs, text, settings]) => ({ id: ++lastId, beginMs, endMs, text, settings }));
}

export function toSend(cues: Cue[]): Sent[] {
  return cues.map(({ beginMs, endMs, text, settings }) => [beginMs, endMs, text, settings]);
}

/** 61500 → 01:01.5; from the first hour on 1:01:01.5. Milliseconds are shown when there are any beyond tenths. */
export function showTime(ms: number): string {
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / 60_000) % 60;
  const seconds = Math.floor(ms / 1000) % 60;
  const rest = ms % 1000;
  const fraction = rest % 100 ? String(rest).padStart(3, "0") : String(rest / 100);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${hours ? `${hours}:` : ""}${two(minutes)}:${two(seconds)}.${fraction}`;
}

/** What an editor types: 1:01.5, 01：01，5, 61.5, 1:02:03. Null when it is no time. */
export function readTime(text: string): number | null {
  const match = /^(?:(\d{1,2}):)??(?:(\d{1,3}):)?(\d{1,5})(?:\.(\d{1,3}))?$/.exec(
    text.trim().replace(/：/g, ":").replace(/[，。,]/g, "."),
  );
  if (!match) return null;
  const [hours, minutes, seconds] = [match[1], match[2], match[3]].map((part) => Number(part ?? 0)) as [number, number, number];
  return ((hours * 60 + minutes) * 60 + seconds) * 1000 + Number((match[4] ?? "0").padEnd(3, "0"));
}

function replaced(cues: Cue[], at: number, ...instead: Cue[]): Cue[] {
  return [...cues.slice(0, at), ...instead, ...cues.slice(at + 1)];
}

export function withText(cues: Cue[], at: number, text: string): Cue[] {
  const cue = cues[at];
  return !cue || cue.text === text ? cues : replaced(cues, at, { ...cue, text });
}

/** Moves one end of a caption; it keeps its least length and stays inside the lecture (`durationMs` 0: unknown). */
export function withTime(cues: Cue[], at: number, side: "begin" | "end", ms: number, durationMs: number): Cue[] {
  const cue = cues[at];
  if (!cue) return cues;
  const last = durationMs || Number.MAX_SAFE_INTEGER;
  const moved = { ...cue };
  if (side === "begin") {
    moved.beginMs = Math.round(Math.max(0, Math.min(ms, last - LEAST_MS)));
    moved.endMs = Math.max(cue.endMs, moved.beginMs + LEAST_MS);
  } else {
    moved.endMs = Math.round(Math.max(LEAST_MS, Math.min(ms, last)));
    moved.beginMs = Math.min(cue.beginMs, moved.endMs - LEAST_MS);
  }
  return moved.beginMs === cue.beginMs && moved.endMs === cue.endMs ? cues : replaced(cues, at, moved);
}

/** Two captions of one: the words part at `place`, the time in proportion, or at `nowMs` when the lecture stands inside. */
export function split(cues: Cue[], at: number, place: number, nowMs: number): Cue[] {
  const cue = cues[at];
  if (!cue || cue.endMs - cue.beginMs < 2 * LEAST_MS) return cues;
  const inside = place > 0 && place < cue.text.length;
  const cut = inside ? place : Math.ceil(cue.text.length / 2);
  const share = cue.text.length ? cut / cue.text.length : 0.5;
  let ms = Math.round(cue.beginMs + (cue.endMs - cue.beginMs) * share);
  if (nowMs >= cue.beginMs + LEAST_MS && nowMs <= cue.endMs - LEAST_MS) ms = Math.round(nowMs);
  ms = Math.min(cue.endMs - LEAST_MS, Math.max(cue.beginMs + LEAST_MS, ms));
  const first = { ...cue, endMs: ms, text: cue.text.slice(0, cut).trim() };
  return replaced(cues, at, first, { ...cue, id: ++lastId, beginMs: ms, text: cue.text.slice(cut).trim() });
}

/** One caption of this and the next. Latin words are parted by a space, Han signs are not. */
export function merge(cues: Cue[], at: number): Cue[] {
  const [one, next] = [cues[at], cues[at + 1]];
  if (!one || !next) return cues;
  const space = /[A-Za-z0-9]$/.test(one.text) && /^[A-Za-z0-9]/.test(next.text) ? " " : "";
  const both = {
    ...one,
    beginMs: Math.min(one.beginMs, next.beginMs),
    endMs: Math.max(one.endMs, next.endMs),
    text: `${one.text}${space}${next.text}`,
  };
  return [...cues.slice(0, at), both, ...cues.slice(at + 2)];
}

/** An empty caption after `at` (-1: at the beginning), in the gap before the next one, at most two seconds long. */
export function insertAfter(cues: Cue[], at: number, durationMs: number): Cue[] {
  const beginMs = cues[at]?.endMs ?? 0;
  const until = cues[at + 1]?.beginMs ?? (durationMs || beginMs + 2000);
  const endMs = Math.max(beginMs + LEAST_MS, Math.min(beginMs + 2000, until));
  const fresh = { id: ++lastId, beginMs, endMs, text: "", settings: "" };
  return [...cues.slice(0, at + 1), fresh, ...cues.slice(at + 1)];
}

/** An empty caption that begins at `nowMs`, or where the one that is heard then ends; gives the row and its place. */
export function insertAt(cues: Cue[], nowMs: number, durationMs: number): [Cue[], number] {
  const now = Math.max(0, Math.round(nowMs));
  let before = -1;
  cues.forEach((cue, at) => {
    if (cue.beginMs <= now) before = at;
  });
  const row = insertAfter(cues, before, durationMs);
  const fresh = row[before + 1] as Cue;
  const until = cues[before + 1]?.beginMs ?? (durationMs || Number.MAX_SAFE_INTEGER);
  if (now > fresh.beginMs && now + LEAST_MS <= until) {
    row[before + 1] = { ...fresh, beginMs: now, endMs: Math.min(now + 2000, until) };
  }
  return [row, before + 1];
}

export function without(cues: Cue[], at: number): Cue[] {
  return cues[at] ? [...cues.slice(0, at), ...cues.slice(at + 1)] : cues;
}

/** The caption heard at `ms`: the last that has begun and not ended. Index or -1. */
export function cueAt(cues: Cue[], ms: number): number {
  for (let at = cues.length - 1; at >= 0; at -= 1) {
    const cue = cues[at] as Cue;
    if (cue.beginMs <= ms && ms < cue.endMs) return at;
  }
  return -1;
}

export function warnings(cues: Cue[], at: number, durationMs: number): Warning[] {
  const cue = cues[at];
  if (!cue) return [];
  const next = cues[at + 1];
  const lasting = cue.endMs - cue.beginMs;
  const found: Warning[] = [];
  const signs = [...cue.text.replace(/\s/g, "")].length;
  if (!signs) found.push("empty");
  if (next && next.beginMs < cue.beginMs) found.push("order");
  else if (next && next.beginMs < cue.endMs) found.push("overlap");
  if (lasting < READABLE_MS) found.push("short");
  if (signs > LONG_SIGNS) found.push("long");
  if (signs > 4 && (signs * 1000) / lasting > FAST) found.push("fast");
  if (durationMs && cue.endMs > durationMs) found.push("beyond");
  return found;
}

export interface Match {
  at: number;
  place: number;
}

/** Every place where `words` stand, ignoring Latin case. */
export function find(cues: Cue[], words: string): Match[] {
  const wanted = words.toLowerCase();
  if (!wanted) return [];
  const found: Match[] = [];
  cues.forEach((cue, at) => {
    const text = cue.text.toLowerCase();
    for (let place = text.indexOf(wanted); place >= 0; place = text.indexOf(wanted, place + wanted.length)) {
      found.push({ at, place });
    }
  });
  return found;
}

export function replaceOne(cues: Cue[], match: Match, words: string, instead: string): Cue[] {
  const cue = cues[match.at];
  if (!cue) return cues;
  const text = cue.text.slice(0, match.place) + instead + cue.text.slice(match.place + words.length);
  return withText(cues, match.at, text);
}

export function replaceAll(cues: Cue[], words: string, instead: string): Cue[] {
  return find(cues, words)
    .reverse()
    .reduce((row, match) => replaceOne(row, match, words, instead), cues);
}

/** Which rows of `count`, each `rowPx` high, a window of `heightPx` at `scrollPx` needs, with some beyond its edges. */
export function inWindow(scrollPx: number, heightPx: number, rowPx: number, count: number): [number, number] {
  const beyond = 4;
  const first = Math.max(0, Math.floor(scrollPx / rowPx) - beyond);
  return [Math.min(first, count), Math.min(count, Math.ceil((scrollPx + heightPx) / rowPx) + beyond)];
}

/** What was and may be taken back. Typing in one caption is one step. */
export class History {
  private past: Cue[][] = [];
  private future: Cue[][] = [];
  private tag = "";

  constructor(public now: Cue[]) {}

  /** Takes `next` as the present; equal `tag`s in a row («text 7») make one step. */
  to(next: Cue[], tag = ""): boolean {
    if (next === this.now) return false;
    if (!tag || tag !== this.tag) {
      this.past.push(this.now);
      if (this.past.length > 300) this.past.shift();
    }
    this.tag = tag;
    this.future = [];
    this.now = next;
    return true;
  }

  undo(): boolean {
    const before = this.past.pop();
    if (!before) return false;
    this.future.push(this.now);
    this.now = before;
    this.tag = "";
    return true;
  }

  redo(): boolean {
    const after = this.future.pop();
    if (!after) return false;
    this.past.push(this.now);
    this.now = after;
    this.tag = "";
    return true;
  }

  get undoable(): boolean {
    return this.past.length > 0;
  }

  get redoable(): boolean {
    return this.future.length > 0;
  }
}

/** Unsaved work as it lies in the browser's storage. */
export interface Draft {
  revision: number;
  at: number;
  cues: Sent[];
}

/** The draft in `stored`, if it is one and differs from what the server has. */
export function readDraft(stored: string | null, server: Sent[]): Draft | null {
  if (!stored) return null;
  try {
    const draft = JSON.parse(stored) as Draft;
    if (typeof draft.revision !== "number" || !Array.isArray(draft.cues)) return null;
    const sound = draft.cues.every(
      (cue) => Array.isArray(cue) && typeof cue[0] === "number" && typeof cue[1] === "number" && typeof cue[2] === "string",
    );
    return sound && JSON.stringify(draft.cues) !== JSON.stringify(server) ? draft : null;
  } catch {
    return null; // somebody else's entry, or cut off
  }
}
