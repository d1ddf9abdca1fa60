/**
 * Beats that the archive has not acknowledged yet, kept on this phone until it has.
 *
 * IndexedDB where there is one; memory otherwise (a private window loses unsent beats when it closes). Numbers run
 * from 1 within a play session and are settled in the same transaction that keeps the beat, so that no number is
 * given twice, also across reloads and tabs. Until that transaction is through, the beat is written down where a page
 * that goes away loses nothing (study/jottings.ts); the next page that opens the queue keeps it.
 */
import { openDB, type DBSchema, type IDBPDatabase } from "idb";
import type { Beat, BeatBody } from "./beats";
import { Jottings } from "./jottings";

/** A play session and the way to hand its beats in. */
export interface Session {
  session: string;
  token: string;
  url: string;
  /** Address of the lesson's page, which gives a fresh token. */
  page: string;
  /** Milliseconds since 1970 by this phone's clock; sessions are handed in oldest first. */
  startedMs: number;
  next: number;
}

export interface BeatQueue {
  /** Opens a session, or takes up one that this phone knows (with a fresh token). */
  open(session: Omit<Session, "next">): Promise<void>;
  /** Keeps a beat under the session's next number and tells the number. */
  add(session: string, body: BeatBody): Promise<Beat>;
  /** Beats that were added in this page and aren't acknowledged, at once: for the moment when the page goes away. */
  pending(session: string): Beat[];
  /** Moves a session's unsent beats to another one, in the same order, under that one's numbers. */
  move(from: string, to: string): Promise<void>;
  /** Sessions that have unsent beats, oldest first. */
  waiting(): Promise<Session[]>;
  /** The first unsent beats of a session in order of their numbers. */
  batch(session: string, most: number): Promise<Beat[]>;
  /** Forgets acknowledged beats. */
  remove(session: string, seqs: number[]): Promise<void>;
  /** Gives unsent beats new numbers behind all others of the session, in the same order. */
  renumber(session: string, seqs: number[]): Promise<void>;
  /** Forgets sessions begun before `startedMs` that the archive would refuse as too old, with their beats. */
  forget(startedMs: number): Promise<number>;
  count(): Promise<number>;
}

interface Row extends Beat {
  session: string;
}

interface Schema extends DBSchema {
  sessions: { key: string; value: Session };
  beats: { key: [string, number]; value: Row };
}

const NAME = "study-beats";

/** Opens the queue of this phone; falls back to memory where the browser keeps nothing. */
export async function openQueue(name = NAME): Promise<BeatQueue> {
  try {
    const db = await openDB<Schema>(name, 1, {
      upgrade(fresh) {
        fresh.createObjectStore("sessions", { keyPath: "session" });
        fresh.createObjectStore("beats", { keyPath: ["session", "seq"] });
      },
    });
    const queue = new KeptQueue(db, new Jottings(name));
    await queue.takeUp().catch((error: unknown) => console.warn("what was written down stays so for now", error));
    return queue;
  } catch (error) {
    console.warn("beats are kept in memory only", error);
    return new MemoryQueue();
  }
}

class KeptQueue implements BeatQueue {
  private recent = new Map<string, Beat[]>();
  private numbers = new Map<string, number>();

  constructor(
    private db: IDBPDatabase<Schema>,
    private jottings: Jottings,
  ) {}

  /** Keeps what an earlier page could only write down before it was gone. */
  async takeUp(): Promise<void> {
    for (const { label, session, beat } of this.jottings.read()) {
      if (!(await this.keep(session, beat))) console.warn("a beat of a forgotten session", session, beat);
      this.jottings.cross(label);
    }
  }

  pending(session: string): Beat[] {
    return this.recent.get(session) ?? [];
  }

  async move(from: string, to: string): Promise<void> {
    const beats = await this.batch(from, 100_000);
    for (const { seq, ...body } of beats) {
      await this.add(to, body);
      await this.remove(from, [seq]);
    }
  }

  async open(session: Omit<Session, "next">): Promise<void> {
    const tx = this.db.transaction("sessions", "readwrite");
    const known = await tx.store.get(session.session);
    const next = Math.max(known?.next ?? 1, this.numbers.get(session.session) ?? 1);
    this.numbers.set(session.session, next);
    await tx.store.put({ ...session, startedMs: known?.startedMs ?? session.startedMs, next });
    await tx.done;
  }

  async add(session: string, body: BeatBody): Promise<Beat> {
    // Numbered, known and written down at once, kept a moment later: a page that goes away has no later moment.
    const next = this.numbers.get(session);
    if (next === undefined) throw new Error(`unknown session ${session}`);
    const beat: Beat = { seq: next, ...body };
    this.numbers.set(session, next + 1);
    this.recent.set(session, [...this.pending(session), beat]);
    const label = this.jottings.write(session, beat);
    if (!(await this.keep(session, beat))) throw new Error(`unknown session ${session}`);
    this.jottings.cross(label);
    if (beat.seq !== next) this.numbers.set(session, beat.seq + 1);
    return beat;
  }

  /**
   * Keeps a beat under its number, or under the session's next one (then told by `beat.seq`) where that number is
   * another beat's. False where the session is unknown.
   */
  private async keep(session: string, beat: Beat): Promise<boolean> {
    const tx = this.db.transaction(["sessions", "beats"], "readwrite");
    const known = await tx.objectStore("sessions").get(session);
    if (!known) return false;
    const other = known.next > beat.seq ? await tx.objectStore("beats").get([session, beat.seq]) : undefined;
    if (JSON.stringify(other) !== JSON.stringify({ session, ...beat })) {
      if (other) beat.seq = known.next; // another tab of the same session has taken the number
      await tx.objectStore("beats").add({ session, ...beat });
      await tx.objectStore("sessions").put({ ...known, next: Math.max(known.next, beat.seq + 1) });
    }
    await tx.done;
    return true;
  }

  async waiting(): Promise<Session[]> {
    const tx = this.db.transaction(["sessions", "beats"]);
    const sessions = await tx.objectStore("sessions").getAll();
    const counts = await Promise.all(
      sessions.map(({ session }) => tx.objectStore("beats").count(within(session))),
    );
    return sessions.filter((_, index) => counts[index]).sort((a, b) => a.startedMs - b.startedMs);
  }

  async batch(session: string, most: number): Promise<Beat[]> {
    const rows = await this.db.getAll("beats", within(session), most);
    return rows.map(({ session: _session, ...beat }) => beat);
  }

  async remove(session: string, seqs: number[]): Promise<void> {
    this.recent.set(
      session,
      this.pending(session).filter(({ seq }) => !seqs.includes(seq)),
    );
    const tx = this.db.transaction("beats", "readwrite");
    await Promise.all(seqs.map((seq) => tx.store.delete([session, seq])));
    await tx.done;
  }

  async renumber(session: string, seqs: number[]): Promise<void> {
    const tx = this.db.transaction(["sessions", "beats"], "readwrite");
    const known = await tx.objectStore("sessions").get(session);
    if (!known) return;
    let next = Math.max(known.next, this.numbers.get(session) ?? 1);
    for (const seq of [...seqs].sort((a, b) => a - b)) {
      const row = await tx.objectStore("beats").get([session, seq]);
      if (!row) continue;
      await tx.objectStore("beats").delete([session, seq]);
      await tx.objectStore("beats").add({ ...row, seq: next });
      this.recent.set(
        session,
        this.pending(session).filter((beat) => beat.seq !== seq),
      );
      next += 1;
    }
    this.numbers.set(session, next);
    await tx.objectStore("sessions").put({ ...known, next });
    await tx.done;
  }

  async forget(startedMs: number): Promise<number> {
    const tx = this.db.transaction(["sessions", "beats"], "readwrite");
    let lost = 0;
    for (const { session, startedMs: began } of await tx.objectStore("sessions").getAll()) {
      if (began >= startedMs) continue;
      lost += await tx.objectStore("beats").count(within(session));
      await tx.objectStore("beats").delete(within(session));
      await tx.objectStore("sessions").delete(session);
    }
    await tx.done;
    return lost;
  }

  async count(): Promise<number> {
    return this.db.count("beats");
  }
}

function within(session: string): IDBKeyRange {
  return IDBKeyRange.bound([session, 0], [session, Number.MAX_SAFE_INTEGER]);
}

/** The same promises without the keeping. */
export class MemoryQueue implements BeatQueue {
  private sessions = new Map<string, Session>();
  private beats = new Map<string, Beat[]>();

  async open(session: Omit<Session, "next">): Promise<void> {
    const known = this.sessions.get(session.session);
    this.sessions.set(session.session, {
      ...session,
      startedMs: known?.startedMs ?? session.startedMs,
      next: known?.next ?? 1,
    });
  }

  async add(session: string, body: BeatBody): Promise<Beat> {
    const known = this.sessions.get(session);
    if (!known) throw new Error(`unknown session ${session}`);
    const beat: Beat = { seq: known.next++, ...body };
    this.beats.set(session, [...(this.beats.get(session) ?? []), beat]);
    return beat;
  }

  pending(session: string): Beat[] {
    return this.beats.get(session) ?? [];
  }

  async move(from: string, to: string): Promise<void> {
    const beats = this.pending(from);
    this.beats.delete(from);
    for (const { seq: _seq, ...body } of beats) await this.add(to, body);
  }

  async waiting(): Promise<Session[]> {
    return [...this.sessions.values()]
      .filter(({ session }) => this.beats.get(session)?.length)
      .sort((a, b) => a.startedMs - b.startedMs);
  }

  async batch(session: string, most: number): Promise<Beat[]> {
    return (this.beats.get(session) ?? []).slice(0, most);
  }

  async remove(session: string, seqs: number[]): Promise<void> {
    this.beats.set(
      session,
      (this.beats.get(session) ?? []).filter(({ seq }) => !seqs.includes(seq)),
    );
  }

  async renumber(session: string, seqs: number[]): Promise<void> {
    const known = this.sessions.get(session);
    if (!known) return;
    const kept = (this.beats.get(session) ?? []).filter(({ seq }) => !seqs.includes(seq));
    const moved = (this.beats.get(session) ?? []).filter(({ seq }) => seqs.includes(seq));
    this.beats.set(session, [...kept, ...moved.map((beat) => ({ ...beat, seq: known.next++ }))]);
  }

  async forget(startedMs: number): Promise<number> {
    let lost = 0;
    for (const { session, startedMs: began } of [...this.sessions.values()]) {
      if (began >= startedMs) continue;
      lost += this.beats.get(session)?.length ?? 0;
      this.beats.delete(session);
      this.sessions.delete(session);
    }
    return lost;
  }

  async count(): Promise<number> {
    return [...this.beats.values()].reduce((sum, beats) => sum + beats.length, 0);
  }
}
