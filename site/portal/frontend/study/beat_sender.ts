/**
 * Hands queued beats in: one request at a time, oldest session first, until the archive has acknowledged them all.
 *
 * Knows nothing of pages; what it needs of the browser is given to it. A beat leaves the queue only when an answer
 * names its number. What may be tried again is tried again by itself; what needs a person is announced.
 */
import type { Beat } from "./beats";
import type { BeatQueue, Session } from "./beat_queue";
import { judge, type StudyState, type Verdict } from "./receipt";
import { backoffMs } from "./retry";

export interface Surroundings {
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  nowMs: () => number;
  chance: () => number;
  /** Calls back after some time; the function that comes back calls it off. */
  later: (ms: number, callback: () => void) => () => void;
}

/** What a page may want to show. */
export interface Listener {
  /** Beats are kept and not reckoned yet; the furthest position among them. Without it: nobody asks. */
  onKept?(session: string, acknowledgedMs: number): void;
  /** The archive's new reckoning, and the furthest position among the beats of this answer. */
  onState(session: string, state: StudyState, acknowledgedMs: number): void;
  onQueue(waiting: number, reachable: boolean): void;
  onLeaseLost(session: string, message: string): void;
  onRefused(session: string, code: string, message: string): void;
  /**
   * The token is no longer good. True when the beats can be sent again: the queue knows a fresh token, or they were
   * moved to a fresh session. False keeps them until a person has signed in.
   */
  onRenew(session: Session): Promise<boolean>;
}

const BATCH = 50;

/** The body of a batch, as the archive takes it. */
export function parcel(token: string, beats: Beat[], sentMs: number): string {
  return JSON.stringify({ token, beats, sent_ms: sentMs });
}

export class BeatSender {
  private running: Promise<void> | null = null;
  private again = false;
  private failures = 0;
  private callOff: (() => void) | null = null;
  /** Sessions that wait for a person: their beats stay, but are not sent. */
  private held = new Set<string>();
  private renewed = new Set<string>();
  private reachable = true;

  constructor(
    private queue: BeatQueue,
    private around: Surroundings,
    private listener: Listener,
    private most = BATCH,
  ) {}

  /** Sends what waits. Called again while it runs, it looks once more when it is through. */
  flush(): Promise<void> {
    this.callOff?.();
    this.callOff = null;
    if (this.running) {
      this.again = true;
      return this.running;
    }
    this.running = this.work().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  /** Sends a session's beats again after a person has cleared the way (took the lease, signed in). */
  release(session: string): Promise<void> {
    this.held.delete(session);
    this.renewed.delete(session);
    return this.flush();
  }

  stop(): void {
    this.callOff?.();
    this.callOff = null;
  }

  private async work(): Promise<void> {
    do {
      this.again = false;
      for (const session of await this.queue.waiting()) {
        if (this.held.has(session.session)) continue;
        if (!(await this.workOff(session))) {
          await this.tell();
          return;
        }
      }
    } while (this.again);
    await this.tell();
  }

  /** Sends one session's beats. False when nothing can be sent for the moment. */
  private async workOff(session: Session): Promise<boolean> {
    let most = this.most;
    for (;;) {
      const beats = await this.queue.batch(session.session, most);
      if (!beats.length) return true;
      const verdict = await this.post(session, beats);
      switch (verdict.kind) {
        case "accepted":
          if (!verdict.seqs.length) return this.wait(null, true);
          await this.delivered(session, beats, verdict.seqs, verdict.state);
          this.renewed.delete(session.session);
          most = this.most;
          break;
        case "lease_lost":
          await this.delivered(session, beats, verdict.seqs, verdict.state);
          this.held.add(session.session);
          this.listener.onLeaseLost(session.session, verdict.message);
          return true;
        case "conflict":
          // The number is taken by other words. A beat under a new number adds the same seconds once.
          await this.queue.renumber(session.session, verdict.seqs.length ? verdict.seqs : beats.map(({ seq }) => seq));
          break;
        case "renew": {
          const first = !this.renewed.has(session.session);
          this.renewed.add(session.session);
          if (first && (await this.listener.onRenew(session))) this.again = true;
          else this.held.add(session.session);
          return true;
        }
        case "refused":
          if (beats.length > 1) {
            most = 1;
            break;
          }
          if (verdict.code === "NOT_OPEN") {
            this.held.add(session.session);
            this.listener.onRefused(session.session, verdict.code, verdict.message);
            return true;
          }
          console.warn("the archive does not take this beat", verdict.code, verdict.message, beats[0]);
          await this.queue.remove(session.session, beats.map(({ seq }) => seq));
          this.listener.onRefused(session.session, verdict.code, verdict.message);
          break;
        case "later":
          return this.wait(verdict.afterMs, verdict.reachable);
      }
    }
  }

  private async delivered(session: Session, beats: Beat[], seqs: number[], state: StudyState | null): Promise<void> {
    this.failures = 0;
    this.reachable = true;
    await this.queue.remove(session.session, seqs);
    const last = beats.filter(({ seq }) => seqs.includes(seq)).at(-1);
    if (!last) return;
    if (state) this.listener.onState(session.session, state, last.position_ms);
    else this.listener.onKept?.(session.session, last.position_ms);
  }

  private async post(session: Session, beats: Beat[]): Promise<Verdict> {
    try {
      const answer = await this.around.fetch(session.url, {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json" },
        credentials: "same-origin",
        body: parcel(session.token, beats, this.around.nowMs()),
      });
      const body: unknown = await answer.json().catch(() => null);
      return judge(answer.status, body, answer.headers.get("Retry-After"), this.around.nowMs());
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof DOMException)) throw error;
      return { kind: "later", afterMs: null, reachable: false };
    }
  }

  private wait(afterMs: number | null, reachable: boolean): false {
    this.failures += 1;
    this.reachable = reachable;
    const ms = Math.max(afterMs ?? 0, backoffMs(this.failures, this.around.chance()));
    this.callOff = this.around.later(ms, () => void this.flush());
    return false;
  }

  private async tell(): Promise<void> {
    this.listener.onQueue(await this.queue.count(), this.reachable);
  }
}
