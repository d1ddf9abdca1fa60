/**
 * Asks the archive how the lesson stands: keeping beats is quick and says nothing about it.
 *
 * While the lecture plays at most every `EVERY_MS`; at once when it stands (paused, at the end), because then somebody looks.
 * What is asked for while an answer is on its way is asked once more after it. Pure but for what is given to it.
 */
import type { StudyState } from "./receipt";

export const EVERY_MS = 30_000;

export interface Asking {
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  nowMs: () => number;
  /** Whether the lecture plays at this moment. */
  playing: () => boolean;
  onState: (state: StudyState, acknowledgedMs: number) => void;
}

export class Reckoning {
  private askedMs = -Infinity;
  private asking: Promise<void> | null = null;
  private furthestMs = 0;
  private again = false;

  constructor(
    private url: () => string | undefined,
    private around: Asking,
  ) {}

  /** Beats up to `acknowledgedMs` of the lecture are kept; asks when it is time. */
  kept(acknowledgedMs: number): Promise<void> {
    this.furthestMs = acknowledgedMs;
    if (this.around.playing() && this.around.nowMs() - this.askedMs < EVERY_MS) return Promise.resolve();
    return this.ask();
  }

  /** Beats of an earlier visit have arrived, perhaps of this lesson: what the page shows may be old. */
  arrived(): Promise<void> {
    return this.kept(this.furthestMs);
  }

  private ask(): Promise<void> {
    if (this.asking) {
      this.again = true;
      return this.asking;
    }
    this.asking = this.work().finally(() => {
      this.asking = null;
    });
    return this.asking;
  }

  private async work(): Promise<void> {
    do {
      this.again = false;
      this.askedMs = this.around.nowMs();
      const furthestMs = this.furthestMs;
      const state = await this.read();
      if (state) this.around.onState(state, furthestMs);
    } while (this.again);
  }

  private async read(): Promise<StudyState | null> {
    const url = this.url();
    if (!url) return null;
    try {
      const answer = await this.around.fetch(url, { credentials: "same-origin", headers: { Accept: "application/json" } });
      // Signed out, withdrawn, busy: the beats are kept all the same, and the next ones ask again.
      return answer.ok ? ((await answer.json()) as StudyState) : null;
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof DOMException)) throw error;
      return null;
    }
  }
}
