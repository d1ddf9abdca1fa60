import { beforeEach, describe, expect, it, vi } from "vitest";
import { MemoryQueue } from "./beat_queue";
import { BeatSender, type Listener } from "./beat_sender";
import type { BeatBody } from "./beats";

const STATE = { coverage: 0.5, watched_s: 30, needed_s: 57, position_s: 30, frontier_s: 30, completed: false };
const body = (second: number): BeatBody => ({
  intervals: [[second * 1000, second * 1000 + 15_000]],
  position_ms: second * 1000 + 15_000,
  rate: 1,
  visible: true,
  clock_ms: 0,
});

type Reply = [status: number, body?: unknown, headers?: Record<string, string>] | "cut";

class School {
  queue = new MemoryQueue();
  sent: { url: string; token: string; seqs: number[] }[] = [];
  replies: Reply[] = [];
  delays: number[] = [];
  wake: (() => void) | null = null;
  told: Listener & Record<string, ReturnType<typeof vi.fn>> = {
    onKept: vi.fn(),
    onState: vi.fn(),
    onQueue: vi.fn(),
    onLeaseLost: vi.fn(),
    onRefused: vi.fn(),
    onRenew: vi.fn(async (session) => {
      await this.queue.open({ ...session, token: "fresh" });
      return true;
    }),
  };
  sender = new BeatSender(
    this.queue,
    {
      fetch: async (url, init) => {
        const { token, beats } = JSON.parse(init.body as string);
        const seqs = beats.map((beat: { seq: number }) => beat.seq);
        this.sent.push({ url, token, seqs });
        const reply = this.replies.shift() ?? [200, { accepted: seqs, duplicates: [], state: STATE }];
        if (reply === "cut") throw new TypeError("Failed to fetch");
        return new Response(JSON.stringify(reply[1] ?? {}), { status: reply[0], headers: reply[2] ?? {} });
      },
      nowMs: () => 0,
      chance: () => 1,
      later: (ms, callback) => {
        this.delays.push(ms);
        this.wake = callback;
        return () => {
          this.wake = null;
        };
      },
    },
    this.told,
    2,
  );

  async record(session: string, seconds: number[], startedMs = 1): Promise<void> {
    await this.queue.open({ session, token: `token-${session}`, url: "/beats", page: "/courses/a/", startedMs });
    for (const second of seconds) await this.queue.add(session, body(second));
  }
}

let school: School;
beforeEach(() => {
  school = new School();
});

describe("when all is well", () => {
  it("says what is kept where the answer reckons nothing", async () => {
    await school.record("a", [0, 15]);
    school.replies = [[200, { accepted: [1, 2], duplicates: [], state: null }]];
    await school.sender.flush();
    expect(await school.queue.count()).toBe(0);
    expect(school.told.onKept).toHaveBeenCalledExactlyOnceWith("a", 30_000);
    expect(school.told.onState).not.toHaveBeenCalled();
  });

  it("hands in all batches, oldest session first, and empties the queue", async () => {
    await school.record("new", [0], 2);
    await school.record("old", [0, 15, 30], 1);
    await school.sender.flush();
    expect(school.sent.map(({ token, seqs }) => [token, seqs])).toEqual([
      ["token-old", [1, 2]],
      ["token-old", [3]],
      ["token-new", [1]],
    ]);
    expect(await school.queue.count()).toBe(0);
    expect(school.told.onState).toHaveBeenLastCalledWith("new", STATE, 15_000);
    expect(school.told.onQueue).toHaveBeenLastCalledWith(0, true);
  });

  it("forgets only the numbers that the answer names", async () => {
    await school.record("a", [0, 15]);
    school.replies = [[200, { accepted: [1], duplicates: [] }]];
    await school.sender.flush();
    expect(school.sent.map(({ seqs }) => seqs)).toEqual([[1, 2], [2]]);
    expect(await school.queue.count()).toBe(0);
  });

  it("sends once, however often it is called meanwhile", async () => {
    await school.record("a", [0]);
    await Promise.all([school.sender.flush(), school.sender.flush(), school.sender.flush()]);
    expect(school.sent).toHaveLength(1);
  });
});

describe("when the way is blocked", () => {
  it("keeps everything while the network is cut, and waits longer each time", async () => {
    await school.record("a", [0]);
    school.replies = ["cut", "cut", "cut"];
    await school.sender.flush();
    school.wake?.();
    await school.sender.flush();
    await school.sender.flush();
    expect(school.delays).toEqual([2000, 4000, 8000]);
    expect(await school.queue.count()).toBe(1);
    expect(school.told.onQueue).toHaveBeenLastCalledWith(1, false);
  });

  it("comes back when the archive said to", async () => {
    await school.record("a", [0]);
    school.replies = [[503, { code: "BUSY" }, { "Retry-After": "30" }]];
    await school.sender.flush();
    expect(school.delays).toEqual([30_000]);
    expect(school.told.onQueue).toHaveBeenLastCalledWith(1, true);
    school.wake?.();
    await school.sender.flush();
    expect(await school.queue.count()).toBe(0);
  });

  it("does not spin when an answer acknowledges nothing", async () => {
    await school.record("a", [0]);
    school.replies = [[200, { accepted: [], duplicates: [] }]];
    await school.sender.flush();
    expect(school.sent).toHaveLength(1);
    expect(school.delays).toEqual([2000]);
  });
});

describe("when the archive objects", () => {
  it("stops a session whose lease went to another device, until it is taken back", async () => {
    await school.record("a", [0, 15]);
    school.replies = [[409, { code: "LEASE_LOST", message: "已在别处打开", accepted: [1] }]];
    await school.sender.flush();
    expect(school.told.onLeaseLost).toHaveBeenCalledWith("a", "已在别处打开");
    await school.sender.flush();
    expect(school.sent).toHaveLength(1);
    await school.sender.release("a");
    expect(school.sent.at(-1)?.seqs).toEqual([2]);
    expect(await school.queue.count()).toBe(0);
  });

  it("gives other numbers to beats whose number is taken", async () => {
    await school.record("a", [0, 15]);
    school.replies = [[409, { code: "SEQ_CONFLICT", conflicts: [1] }]];
    await school.sender.flush();
    expect(school.sent.map(({ seqs }) => seqs)).toEqual([[1, 2], [2, 3]]);
    expect(await school.queue.count()).toBe(0);
  });

  it("asks once for a fresh token", async () => {
    await school.record("a", [0]);
    school.replies = [[401, { code: "TOKEN_EXPIRED" }]];
    await school.sender.flush();
    expect(school.sent.map(({ token }) => token)).toEqual(["token-a", "fresh"]);
    expect(await school.queue.count()).toBe(0);
  });

  it("goes on under a fresh session when that is what the fresh token is for", async () => {
    await school.record("a", [0]);
    school.replies = [[401, { code: "TOKEN_EXPIRED" }]];
    school.told.onRenew = vi.fn(async (session) => {
      await school.queue.open({ ...session, session: "b", token: "token-b" });
      await school.queue.move("a", "b");
      return true;
    });
    await school.sender.flush();
    expect(school.sent.map(({ token }) => token)).toEqual(["token-a", "token-b"]);
    expect(await school.queue.count()).toBe(0);
  });

  it("keeps the beats when there is no fresh token, or when that one is refused too", async () => {
    await school.record("a", [0]);
    school.replies = [[401], [401]];
    await school.sender.flush();
    await school.sender.flush();
    expect(school.sent).toHaveLength(2);
    expect(await school.queue.count()).toBe(1);
    expect(school.delays).toEqual([]);
  });

  it("finds the one beat that cannot be read, and hands the others in", async () => {
    await school.record("a", [0, 15]);
    school.replies = [[422], [422], [200, { accepted: [2], duplicates: [] }]];
    await school.sender.flush();
    expect(school.sent.map(({ seqs }) => seqs)).toEqual([[1, 2], [1], [2]]);
    expect(school.told.onRefused).toHaveBeenCalledWith("a", "422", "");
    expect(await school.queue.count()).toBe(0);
  });

  it("keeps the beats of a lesson that is no longer open, and lets the other sessions pass", async () => {
    await school.record("closed", [0], 1);
    await school.record("open", [0], 2);
    school.replies = [[404, { code: "NOT_OPEN", message: "此课未开放" }]];
    await school.sender.flush();
    expect(school.told.onRefused).toHaveBeenCalledWith("closed", "NOT_OPEN", "此课未开放");
    expect(school.sent.map(({ token }) => token)).toEqual(["token-closed", "token-open"]);
    expect(await school.queue.count()).toBe(1);
  });
});
