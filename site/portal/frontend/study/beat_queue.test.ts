import "fake-indexeddb/auto";
import { openDB } from "idb";
import { describe, expect, it } from "vitest";
import { MemoryQueue, openQueue, type BeatQueue } from "./beat_queue";
import type { BeatBody } from "./beats";

const body = (start: number): BeatBody => ({
  intervals: [[start, start + 15_000]],
  position_ms: start + 15_000,
  rate: 1,
  visible: true,
  clock_ms: start,
});
const session = (name: string, startedMs = 1) => ({ session: name, token: "t", url: "/beats", page: "/courses/a/", startedMs });

let databases = 0;
const kinds: [string, () => Promise<BeatQueue>][] = [
  ["IndexedDB", () => openQueue(`test-${databases++}`)],
  ["memory", async () => new MemoryQueue()],
];

describe.each(kinds)("the queue in %s", (_, open) => {
  it("numbers beats from one within each session", async () => {
    const queue = await open();
    await queue.open(session("a"));
    await queue.open(session("b"));
    expect((await queue.add("a", body(0))).seq).toBe(1);
    expect((await queue.add("a", body(15_000))).seq).toBe(2);
    expect((await queue.add("b", body(0))).seq).toBe(1);
    expect(await queue.count()).toBe(3);
  });

  it("goes on numbering after a session was opened again, with the new token", async () => {
    const queue = await open();
    await queue.open(session("a"));
    await queue.add("a", body(0));
    await queue.remove("a", [1]);
    await queue.open({ ...session("a", 999), token: "fresh" });
    expect((await queue.add("a", body(15_000))).seq).toBe(2);
    expect(await queue.waiting()).toMatchObject([{ session: "a", token: "fresh", startedMs: 1 }]);
  });

  it("hands out in order, oldest session first, and keeps what was not acknowledged", async () => {
    const queue = await open();
    await queue.open(session("late", 2));
    await queue.open(session("early", 1));
    await queue.add("late", body(0));
    for (const start of [0, 15_000, 30_000]) await queue.add("early", body(start));
    expect((await queue.waiting()).map((one) => one.session)).toEqual(["early", "late"]);
    expect((await queue.batch("early", 2)).map((beat) => beat.seq)).toEqual([1, 2]);
    await queue.remove("early", [1, 3]);
    expect(await queue.batch("early", 9)).toEqual([{ seq: 2, ...body(15_000) }]);
  });

  it("gives conflicting beats new numbers at the end, in the same order", async () => {
    const queue = await open();
    await queue.open(session("a"));
    for (const start of [0, 15_000, 30_000]) await queue.add("a", body(start));
    await queue.renumber("a", [2, 1]);
    expect((await queue.batch("a", 9)).map((beat) => [beat.seq, beat.position_ms])).toEqual([
      [3, 45_000],
      [4, 15_000],
      [5, 30_000],
    ]);
    expect((await queue.add("a", body(45_000))).seq).toBe(6);
  });

  it("knows at once what this page has not got rid of yet", async () => {
    const queue = await open();
    await queue.open(session("a"));
    for (const start of [0, 15_000]) await queue.add("a", body(start));
    await queue.remove("a", [1]);
    expect(queue.pending("a").map((beat) => beat.seq)).toEqual([2]);
    expect(queue.pending("b")).toEqual([]);
    const kept = queue.add("a", body(30_000));
    expect(queue.pending("a").map((beat) => beat.seq)).toEqual([2, 3]);
    expect((await kept).seq).toBe(3);
  });

  it("moves what waits to a fresh session of the same lesson", async () => {
    const queue = await open();
    await queue.open(session("a"));
    await queue.open(session("b"));
    for (const start of [0, 15_000]) await queue.add("a", body(start));
    await queue.add("b", body(30_000));
    await queue.move("a", "b");
    expect((await queue.batch("b", 9)).map((beat) => [beat.seq, beat.position_ms])).toEqual([
      [1, 45_000],
      [2, 15_000],
      [3, 30_000],
    ]);
    expect(await queue.batch("a", 9)).toEqual([]);
  });

  it("forgets only what is too old to count, and says how much", async () => {
    const queue = await open();
    await queue.open(session("old", 10));
    await queue.open(session("new", 20));
    await queue.add("old", body(0));
    await queue.add("new", body(0));
    expect(await queue.forget(20)).toBe(1);
    expect((await queue.waiting()).map((one) => one.session)).toEqual(["new"]);
  });
});

it("survives a reload of the page", async () => {
  const before = await openQueue("reload");
  await before.open(session("a"));
  await before.add("a", body(0));
  const after = await openQueue("reload");
  expect(await after.batch("a", 9)).toEqual([{ seq: 1, ...body(0) }]);
});

describe("a page that was gone before the beat was kept", () => {
  /** Adds to a queue that keeps nothing any more, as in a page that is torn down. */
  async function goneAmidst(name: string, bodies: BeatBody[]): Promise<void> {
    const queue = await openQueue(name);
    await queue.open(session("a"));
    const real = IDBDatabase.prototype.transaction;
    IDBDatabase.prototype.transaction = () => {
      throw new DOMException("the page is gone", "InvalidStateError");
    };
    try {
      const kept = bodies.map((one) => queue.add("a", one));
      expect((await Promise.allSettled(kept)).map(({ status }) => status)).toEqual(bodies.map(() => "rejected"));
    } finally {
      IDBDatabase.prototype.transaction = real;
    }
  }

  const jotted = () => Object.entries({ ...localStorage }) as [string, string][];

  it("has written it down for the next page, under its number", async () => {
    await goneAmidst("gone", [body(0), body(15_000)]);
    const next = await openQueue("gone");
    expect(await next.batch("a", 9)).toEqual([
      { seq: 1, ...body(0) },
      { seq: 2, ...body(15_000) },
    ]);
    await next.remove("a", [1, 2]);
    expect(await (await openQueue("gone")).count()).toBe(0);
    await next.open(session("a"));
    expect((await next.add("a", body(30_000))).seq).toBe(3);
  });

  it("loses nothing where another tab has taken the number", async () => {
    const other = await openQueue("taken");
    await other.open(session("a"));
    await other.add("a", body(0));
    await other.remove("a", [1]);
    const late = await openQueue("taken");
    await late.open(session("a"));
    await goneAmidst("taken", [body(15_000)]);
    await late.add("a", body(30_000));
    expect(await (await openQueue("taken")).batch("a", 9)).toEqual([
      { seq: 2, ...body(30_000) },
      { seq: 3, ...body(15_000) },
    ]);
  });

  it("has it once where it was kept after all", async () => {
    const queue = await openQueue("after-all");
    await queue.open(session("a"));
    const kept = queue.add("a", body(0));
    const [[label, written]] = jotted() as [[string, string]];
    await kept;
    expect(jotted()).toEqual([]);
    localStorage.setItem(label, written);
    expect(await (await openQueue("after-all")).batch("a", 9)).toEqual([{ seq: 1, ...body(0) }]);
    expect(jotted()).toEqual([]);
  });

  it("drops it where its session was forgotten meanwhile", async () => {
    await goneAmidst("forgotten", [body(0)]);
    const db = await openDB("forgotten");
    await db.clear("sessions");
    db.close();
    expect(await (await openQueue("forgotten")).count()).toBe(0);
    expect(jotted()).toEqual([]);
  });

  it("stays written down, and hinders nothing, where there is no room for it", async () => {
    await goneAmidst("no-room", [body(0)]);
    const real = IDBObjectStore.prototype.add;
    IDBObjectStore.prototype.add = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
    try {
      const full = await openQueue("no-room");
      expect(full).not.toBeInstanceOf(MemoryQueue);
      expect(await full.count()).toBe(0);
    } finally {
      IDBObjectStore.prototype.add = real;
    }
    expect(await (await openQueue("no-room")).batch("a", 9)).toEqual([{ seq: 1, ...body(0) }]);
  });

  it("keeps beats also where nothing can be written down", async () => {
    const real = Storage.prototype.setItem;
    Storage.prototype.setItem = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
    try {
      const queue = await openQueue("full");
      await queue.open(session("a"));
      await queue.add("a", body(0));
      expect(await queue.count()).toBe(1);
    } finally {
      Storage.prototype.setItem = real;
    }
  });
});

it("falls back to memory where the browser refuses to keep anything", async () => {
  const real = indexedDB.open;
  indexedDB.open = () => {
    throw new DOMException("not in a private window", "SecurityError");
  };
  try {
    expect(await openQueue("refused")).toBeInstanceOf(MemoryQueue);
  } finally {
    indexedDB.open = real;
  }
});
