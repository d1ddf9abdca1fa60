/**
 * Beats written down before IndexedDB has them, for a page that goes away in the middle of keeping one.
 *
 * A transaction of IndexedDB that a page leaves unfinished is undone; what `localStorage` was told stays. One entry
 * for each beat and page, so that no tab overwrites what another one has written. Where storage is switched off or
 * full there are no jottings, and IndexedDB alone has to do.
 */
import type { Beat } from "./beats";

/** Entries of this site that are jottings begin so, with the name of their queue behind it. */
const SHELF = "jotted";

export interface Jotting {
  label: string;
  session: string;
  beat: Beat;
}

export class Jottings {
  private page = Math.random().toString(36).slice(2);

  constructor(private queue: string) {}

  /** Writes a beat down and tells under which label. */
  write(session: string, beat: Beat): string {
    const label = [SHELF, this.queue, session, beat.seq, this.page].join("/");
    where((storage) => storage.setItem(label, JSON.stringify(beat)));
    return label;
  }

  cross(label: string): void {
    where((storage) => storage.removeItem(label));
  }

  /** All that is written down for this queue, in the order of the numbers. */
  read(): Jotting[] {
    const found: Jotting[] = [];
    where((storage) => {
      for (let index = 0; index < storage.length; index += 1) {
        const label = storage.key(index) as string;
        const [shelf, queue, session] = label.split("/");
        if (shelf !== SHELF || queue !== this.queue || !session) continue;
        found.push({ label, session, beat: JSON.parse(storage.getItem(label) as string) });
      }
    });
    return found.sort((a, b) => a.beat.seq - b.beat.seq);
  }
}

function where(deed: (storage: Storage) => void): void {
  try {
    deed(localStorage);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error; // switched off, or full
  }
}
