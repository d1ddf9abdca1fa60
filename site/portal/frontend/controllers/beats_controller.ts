/**
 * Records which stretches of the lecture are played and hands them to the archive in batches.
 *
 * While playing a beat is made every `beat_seconds`; also on pause, on hiding, at the end and when the page goes
 * away. Unsent beats stay on this phone (study/beat_queue.ts) and are sent when there is a network again, also those
 * of earlier visits. A visitor who isn't signed in has no token: nothing is recorded.
 *
 *   <section data-controller="player beats"> … <video data-beats-target="video"> … </section>
 */
import { Controller } from "@hotwired/stimulus";
import { BeatRecorder, type Manner } from "../study/beats";
import { openQueue, type BeatQueue, type Session } from "../study/beat_queue";
import { BeatSender, parcel } from "../study/beat_sender";
import { readLessonPlay, type LessonPlay } from "../study/lesson_play";
import { forgetOld, rememberWaiting, surroundings } from "../study/handing_in";
import { hear, tell } from "../study/news";
import { Reckoning } from "../study/reckoning";
import { freshPlay } from "../study/renewal";

const SAMPLE_MS = 1000;

/** What runs while somebody studies: a <video>, or the time spent with a text (study/text_playhead.ts). */
export interface Playhead extends EventTarget {
  readonly paused: boolean;
  readonly ended: boolean;
  readonly seeking: boolean;
  readonly readyState: number;
  readonly currentTime: number;
  readonly playbackRate: number;
}

export default class BeatsController extends Controller<HTMLElement> {
  static override targets = ["video"];
  declare readonly videoTarget: HTMLVideoElement;

  protected get playhead(): Playhead {
    return this.videoTarget;
  }

  private play: LessonPlay | null = null;
  private session = "";
  private recorder = new BeatRecorder();
  private queue: BeatQueue | null = null;
  private sender: BeatSender | null = null;
  private reckoning = new Reckoning(() => this.play?.progress_url, {
    ...surroundings,
    playing: () => !this.playhead.paused && !this.playhead.ended,
    onState: (state, acknowledgedMs) => tell("study:state", { state, acknowledgedS: acknowledgedMs / 1000 }),
  });
  private listening = false;
  private immersed = false;
  private timer: number | undefined;
  private sinceMs = 0;
  private renewing = false;
  private endings: (() => void)[] = [];

  override async connect(): Promise<void> {
    const play = readLessonPlay();
    if (!play?.token || !play.session || !play.beats_url) return;
    this.play = play;
    this.session = play.session;
    this.listening = play.kind === "AUDIO";
    this.listen();
    this.queue = await openQueue();
    await forgetOld(this.queue);
    await this.openSession(play);
    this.sender = new BeatSender(
      this.queue,
      surroundings,
      {
        onState: (session, state, acknowledgedMs) => {
          if (session === this.session) tell("study:state", { state, acknowledgedS: acknowledgedMs / 1000 });
          else void this.reckoning.arrived();
        },
        onKept: (session, acknowledgedMs) => {
          void (session === this.session ? this.reckoning.kept(acknowledgedMs) : this.reckoning.arrived());
        },
        onQueue: (waiting, reachable) => {
          rememberWaiting(waiting);
          tell("study:queue", { waiting, reachable });
        },
        onLeaseLost: (session, message) => {
          if (session === this.session) tell("study:lease-lost", { message });
        },
        onRefused: (session, code, message) => {
          if (session === this.session) tell("study:refused", { code, message });
        },
        onRenew: (session) => this.renew(session),
      },
      play.batch_max,
    );
    void this.sender.flush();
  }

  override disconnect(): void {
    this.leave();
    window.clearInterval(this.timer);
    this.sender?.stop();
    this.endings.forEach((end) => end());
    this.endings = [];
  }

  private listen(): void {
    const on = (target: EventTarget, name: string, deed: () => void) => {
      target.addEventListener(name, deed);
      this.endings.push(() => target.removeEventListener(name, deed));
    };
    const video = this.playhead;
    on(video, "playing", () => {
      this.sample();
      if (this.timer !== undefined) return; // it only stalled
      this.sinceMs = performance.now();
      this.timer = window.setInterval(() => this.sample(), SAMPLE_MS);
    });
    on(video, "timeupdate", () => this.sample());
    on(video, "seeking", () => this.recorder.stop());
    on(video, "emptied", () => this.recorder.stop());
    on(video, "pause", () => this.rest());
    on(video, "ended", () => this.rest());
    on(window, "online", () => void this.sender?.flush());
    on(window, "pagehide", () => this.leave());
    on(document, "visibilitychange", () => {
      if (document.visibilityState === "hidden") this.leave();
      else void this.sender?.flush();
    });
    this.endings.push(
      hear("study:listening", ({ on: listening }) => {
        this.listening = listening;
      }),
      hear("study:immersed", ({ on: immersed }) => {
        this.immersed = immersed;
      }),
      hear("study:take-lease", () => void this.takeLease()),
    );
  }

  /** Notes the playhead, and makes a beat when it is time. */
  private sample(): void {
    const video = this.playhead;
    if (video.paused || video.seeking || video.readyState < 2) return;
    const clockMs = performance.now();
    this.recorder.sample({ positionMs: video.currentTime * 1000, clockMs }, this.manner(), Date.now());
    if (this.expired) void this.renewInTime();
    if (clockMs - this.sinceMs >= (this.play?.beat_seconds ?? 15) * 1000) {
      this.sinceMs = clockMs;
      void this.keep();
    }
  }

  private manner(): Manner {
    const flags: string[] = [];
    if (this.listening) flags.push("audio");
    return {
      rate: this.playhead.playbackRate,
      visible: document.visibilityState === "visible" || this.immersed,
      flags,
    };
  }

  /** The lecture stands: what was played until here is handed in. */
  private rest(): void {
    window.clearInterval(this.timer);
    this.timer = undefined;
    const video = this.playhead;
    if (!video.seeking && video.readyState >= 2) {
      const at = { positionMs: video.currentTime * 1000, clockMs: performance.now() };
      this.recorder.sample(at, this.manner(), Date.now());
    }
    this.recorder.stop();
    void this.keep();
  }

  private async keep(): Promise<void> {
    const { queue } = this;
    const bodies = this.recorder.take(Date.now());
    if (!queue || !bodies.length) return;
    for (const body of bodies) await queue.add(this.session, body);
    rememberWaiting(await queue.count());
    await this.sender?.flush();
  }

  /** The page may be gone in a moment: the beats are kept, and sent without waiting for an answer. */
  private leave(): void {
    const { queue, play } = this;
    if (!queue || !play?.token || !play.beats_url) return;
    for (const body of this.recorder.take(Date.now())) void queue.add(this.session, body);
    const beats = queue.pending(this.session).slice(0, play.batch_max ?? 50);
    if (!beats.length) return;
    rememberWaiting(beats.length);
    const body = parcel(play.token, beats, Date.now());
    navigator.sendBeacon?.(play.beats_url, new Blob([body], { type: "application/json" }));
  }

  /**
   * 在这里继续, under a session of its own: the archive reckons sessions in the order of their beginnings, and this
   * turn comes after the other device's. What was played here meanwhile the archive has refused for good.
   */
  private async takeLease(): Promise<void> {
    const { play, queue } = this;
    const fresh = await freshPlay().catch(() => null);
    if (!play?.lease_url || !queue || !fresh) return; // offline: the banner stays, the button can be pressed again
    if (!fresh.token || !fresh.session) return tell("study:signed-out", {});
    try {
      const answer = await fetch(play.lease_url, {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json" },
        credentials: "same-origin",
        body: JSON.stringify({ token: fresh.token }),
      });
      if (!answer.ok) return;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return;
    }
    const refused = await queue.batch(this.session, 100_000);
    await queue.remove(this.session, refused.map(({ seq }) => seq));
    await this.openSession(fresh);
    this.play = fresh;
    this.session = fresh.session;
    tell("study:lease-taken", { frontierS: fresh.frontier_s, free: fresh.free_seek || fresh.completed });
    await this.sender?.flush();
  }

  /** Fresh play data for a session; its beats go on under the fresh session, since a token belongs to one. */
  private async renew(session: Pick<Session, "session" | "page">): Promise<boolean> {
    const fresh = await freshPlay(session.page).catch(() => null);
    const ours = session.session === this.session;
    if (!fresh?.token || !fresh.session || !this.queue) {
      if (ours) tell("study:signed-out", {});
      return false;
    }
    await this.openSession(fresh, session.page);
    if (fresh.session !== session.session) await this.queue.move(session.session, fresh.session);
    if (ours) {
      this.play = { ...(this.play as LessonPlay), ...fresh };
      this.session = fresh.session;
    }
    return true;
  }

  /** Beats may happen under a token until it expires (they may be handed in later still). */
  private get expired(): boolean {
    const at = this.play?.expires_at ? Date.parse(this.play.expires_at) : NaN;
    return Date.now() > at - 60_000;
  }

  private async renewInTime(): Promise<void> {
    if (this.renewing || !this.play) return;
    this.renewing = true;
    await this.keep();
    const fresh = await freshPlay().catch(() => null);
    if (fresh?.token && fresh.session) {
      await this.openSession(fresh);
      this.play = fresh;
      this.session = fresh.session;
    } else window.setTimeout(() => (this.renewing = false), 60_000);
    if (fresh?.token) this.renewing = false;
  }

  private async openSession(play: LessonPlay, page = location.pathname): Promise<void> {
    await this.queue?.open({
      session: play.session as string,
      token: play.token as string,
      url: play.beats_url as string,
      page,
      startedMs: Date.now(),
    });
  }
}
