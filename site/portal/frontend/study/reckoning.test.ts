import { beforeEach, describe, expect, it, vi } from "vitest";
import { EVERY_MS, Reckoning } from "./reckoning";

const STATE = { coverage: 0.5, watched_s: 30 };

let nowMs: number;
let playing: boolean;
let asked: string[];
let reply: () => Promise<Response>;
const onState = vi.fn();
const reckoning = (url: string | undefined = "/progress/1") =>
  new Reckoning(() => url, {
    fetch: (address) => {
      asked.push(address);
      return reply();
    },
    nowMs: () => nowMs,
    playing: () => playing,
    onState,
  });

beforeEach(() => {
  nowMs = 1_000_000;
  playing = true;
  asked = [];
  onState.mockReset();
  reply = async () => new Response(JSON.stringify(STATE));
});

describe("asking how the lesson stands", () => {
  it("asks after the first beats, and while it plays not again until half a minute has passed", async () => {
    const one = reckoning();
    await one.kept(15_000);
    nowMs += EVERY_MS - 1;
    await one.kept(30_000);
    expect(asked).toEqual(["/progress/1"]);
    nowMs += 1;
    await one.kept(45_000);
    expect(asked.length).toBe(2);
    expect(onState.mock.calls).toEqual([
      [STATE, 15_000],
      [STATE, 45_000],
    ]);
  });

  it("asks at once when the lecture stands", async () => {
    const one = reckoning();
    await one.kept(15_000);
    playing = false;
    await one.kept(20_000);
    expect(onState).toHaveBeenLastCalledWith(STATE, 20_000);
  });

  it("asks when beats of an earlier visit arrive, and takes none of theirs for this page's furthest", async () => {
    const one = reckoning();
    playing = false;
    await one.arrived();
    await one.kept(15_000);
    await one.arrived();
    expect(onState.mock.calls).toEqual([
      [STATE, 0],
      [STATE, 15_000],
      [STATE, 15_000],
    ]);
  });

  it("asks once more when something was kept while the answer was on its way", async () => {
    const one = reckoning();
    playing = false;
    let answer: (response: Response) => void = () => undefined;
    reply = () => new Promise((resolve) => (answer = resolve));
    const first = one.kept(15_000);
    const second = one.kept(30_000);
    reply = async () => new Response(JSON.stringify(STATE));
    answer(new Response(JSON.stringify(STATE)));
    await Promise.all([first, second]);
    expect(asked.length).toBe(2);
    expect(onState).toHaveBeenLastCalledWith(STATE, 30_000);
  });

  it.each([
    ["a refusal", async () => new Response("{}", { status: 404 })],
    ["no network", () => Promise.reject(new TypeError("Failed to fetch"))],
  ])("says nothing on %s, and asks again next time", async (_, refused) => {
    const one = reckoning();
    playing = false;
    reply = refused;
    await one.kept(15_000);
    expect(onState).not.toHaveBeenCalled();
    reply = async () => new Response(JSON.stringify(STATE));
    await one.kept(15_000);
    expect(onState).toHaveBeenCalledOnce();
  });

  it("asks nothing where the page has no address for it", async () => {
    await reckoning("").kept(15_000);
    expect(asked).toEqual([]);
  });
});
