/**
 * The player: loads the lecture, plays, jumps within what may be jumped to, and shows where it is.
 *
 * What was played is recorded by beats_controller, captions are shown by captions_controller, spheres by
 * sphere_controller; all four hang on the same <video>. Other parts of the page speak to it by study/news.ts.
 * Without script the <video> has the browser's own controls and plays the manifest where the browser can.
 *
 * HTML: site/portal/templates/study/_player.html. In short:
 *
 *   <section class="player" data-controller="player beats captions" data-player-held-text-value="…">
 *     <script type="application/json" id="lesson-play">…</script>
 *     <div class="player__stage" data-player-target="stage">
 *       <video data-player-target="video" data-beats-target="video" controls preload="none">…</video>
 *       <button data-player-target="start" data-action="player#toggle" hidden>…</button>
 *       <div data-player-target="controls" hidden>
 *         <input type="range" data-player-target="range"> <button data-player-target="toggle">…</button> …
 *       </div>
 *     </div>
 *   </section>
 */
import { Controller } from "@hotwired/stimulus";
import { patience } from "../study/bring";
import { chapterAt, marks, type Chapter } from "../study/chapters";
import { fill, timeline } from "../study/clock";
import { attach, NotReached, warmUp, type Engine } from "../study/engine";
import { askedFor } from "../study/gaps";
import { land, leadBack, pushed, type SeekRule } from "../study/frontier";
import { readLessonPlay, type LessonPlay } from "../study/lesson_play";
import { LockScreen } from "../study/lock_screen";
import { hear, tell, type News } from "../study/news";
import { qualities, type Level } from "../study/quality";
import { freshPlay } from "../study/renewal";
import { backoffMs } from "../study/retry";
import { heldSpeed, speeds } from "../study/speeds";
import { Storyboard } from "../study/storyboard";
import { fillsScreen, toggleWholeScreen } from "../study/whole_screen";

const STEP_S = 10;
const QUIET_AFTER_MS = 3000;
const NOTICE_MS = 5000;
const DOUBLE_TAP_MS = 300;

export default class PlayerController extends Controller<HTMLElement> {
  static override targets = [
    "stage",
    "video",
    "start",
    "controls",
    "range",
    "now",
    "toggle",
    "quality",
    "speed",
    "mute",
    "fullscreen",
    "notice",
    "preview",
    "tile",
    "previewTime",
    "marks",
    "leaseLost",
    "signedOut",
    "refused",
    "broken",
    "unreached",
  ];
  static override values = {
    title: String,
    course: String,
    playText: String,
    pauseText: String,
    resumedText: String,
    heldText: String,
    ledBackText: String,
    pausedText: String,
    againText: String,
    smoothText: String,
    standardText: String,
    highText: String,
    perMinuteText: String,
    fullText: String,
    smallText: String,
    thriftText: String,
    wholeText: String,
    muteText: String,
    soundText: String,
  };

  declare readonly stageTarget: HTMLElement;
  declare readonly videoTarget: HTMLVideoElement;
  declare readonly startTarget: HTMLButtonElement;
  declare readonly controlsTarget: HTMLElement;
  declare readonly rangeTarget: HTMLInputElement;
  declare readonly nowTarget: HTMLElement;
  declare readonly toggleTarget: HTMLButtonElement;
  declare readonly qualityTarget: HTMLSelectElement;
  declare readonly speedTarget: HTMLSelectElement;
  declare readonly muteTarget: HTMLButtonElement;
  declare readonly fullscreenTarget: HTMLButtonElement;
  declare readonly noticeTarget: HTMLElement;
  declare readonly previewTarget: HTMLElement;
  declare readonly tileTarget: HTMLElement;
  declare readonly previewTimeTarget: HTMLElement;
  declare readonly marksTarget: HTMLElement;
  declare readonly leaseLostTarget: HTMLElement;
  declare readonly signedOutTarget: HTMLElement;
  declare readonly refusedTarget: HTMLElement;
  declare readonly brokenTarget: HTMLElement;
  declare readonly unreachedTarget: HTMLElement;
  declare readonly titleValue: string;
  declare readonly courseValue: string;
  declare readonly playTextValue: string;
  declare readonly pauseTextValue: string;
  declare readonly resumedTextValue: string;
  declare readonly heldTextValue: string;
  declare readonly ledBackTextValue: string;
  declare readonly pausedTextValue: string;
  declare readonly againTextValue: string;
  declare readonly smoothTextValue: string;
  declare readonly standardTextValue: string;
  declare readonly highTextValue: string;
  declare readonly perMinuteTextValue: string;
  declare readonly fullTextValue: string;
  declare readonly smallTextValue: string;
  declare readonly thriftTextValue: string;
  declare readonly wholeTextValue: string;
  declare readonly muteTextValue: string;
  declare readonly soundTextValue: string;

  private play: LessonPlay | null = null;
  private engine: Engine | null = null;
  private rule: SeekRule = { free: true, frontierS: 0, durationS: 0 };
  /** Where the lecture is, also before it is loaded. */
  private positionS = 0;
  private cap = 0;
  private listening = false;
  private thrifty = false;
  private chapters: Chapter[] = [];
  /** The view that plays in 简易模式; null: the whole lecture. */
  private view: number | null = null;
  private immersed = false;
  private scrubbing = false;
  private leftWhilePlaying = false;
  private renewals = 0;
  /** How often in a row the lecture could not be loaded. */
  private notReached = 0;
  private storyboard = new Storyboard("");
  private lockScreen = new LockScreen();
  private endings: (() => void)[] = [];
  private quietTimer: number | undefined;
  private noticeTimer: number | undefined;
  private lastTap = { at: 0, side: 0 };

  override connect(): void {
    this.play = readLessonPlay();
    if (!this.play?.playback) return;
    const { play, videoTarget: video } = this;
    this.rule = { free: play.free_seek || play.completed, frontierS: play.frontier_s, durationS: play.duration_s };
    const resume = play.resume_s < play.duration_s - 2 ? play.resume_s : 0;
    this.positionS = land(resume, this.rule).positionS;
    this.storyboard = new Storyboard(this.play.playback?.storyboard_url ?? "");
    this.takeOver();
    this.listen(video);
    this.show();
    this.endings.push(
      hear("study:seek", ({ positionS }) => this.goTo(positionS)),
      hear("study:play", () => void this.start()),
      hear("study:state", (news) => this.reckoned(news)),
      hear("study:listen", ({ on }) => void this.hearOnly(on)),
      hear("study:simple", ({ level }) => void this.look(level)),
      hear("study:notice", ({ words }) => this.say(words)),
      hear("study:thrift", ({ on }) => void this.saveData(on)),
      hear("study:chapters", ({ chapters }) => this.mark(chapters)),
      hear("study:immersed", ({ on }) => {
        this.immersed = on;
      }),
      hear("study:lease-lost", () => {
        video.pause();
        this.leaseLostTarget.hidden = false;
      }),
      hear("study:lease-taken", ({ frontierS, free }) => {
        this.leaseLostTarget.hidden = true;
        this.rule = { ...this.rule, frontierS, free: this.rule.free || free };
        this.goTo(this.positionS);
      }),
      hear("study:signed-out", () => {
        video.pause();
        this.signedOutTarget.hidden = false;
      }),
      hear("study:refused", ({ message }) => {
        if (message) this.refusedTarget.textContent = message;
        this.refusedTarget.hidden = false;
      }),
    );
    if (play.kind === "AUDIO") this.setListening(true);
    const asked = askedFor(location.search);
    if (asked !== null) this.goTo(asked);
    const idle = window.requestIdleCallback ?? ((callback: () => void) => window.setTimeout(callback, 1500));
    idle(() => warmUp());
  }

  override disconnect(): void {
    this.endings.forEach((end) => end());
    this.endings = [];
    this.notReached = 0;
    window.clearTimeout(this.quietTimer);
    window.clearTimeout(this.noticeTimer);
    this.lockScreen.letSleep();
    this.engine?.destroy();
    this.engine = null;
  }

  // Actions

  toggle(): void {
    if (this.videoTarget.paused) void this.start();
    else this.videoTarget.pause();
  }

  /** While the handle is being dragged: shows where, goes there on release. */
  scrub(): void {
    this.scrubbing = true;
    const landing = land(Number(this.rangeTarget.value), this.rule);
    this.rangeTarget.value = String(landing.positionS);
    this.paint(landing.positionS);
    void this.preview(landing.positionS);
  }

  release(): void {
    this.scrubbing = false;
    this.previewTarget.hidden = true;
    this.goTo(Number(this.rangeTarget.value), false);
  }

  /** Shows the picture under the pointer, also of what may not be jumped to yet. */
  peek(event: PointerEvent): void {
    if (event.pointerType !== "mouse" || this.scrubbing) return;
    const { left, width } = this.rangeTarget.getBoundingClientRect();
    const share = Math.min(Math.max(0, (event.clientX - left) / width), 1);
    void this.preview(share * this.rule.durationS);
  }

  unpeek(): void {
    if (!this.scrubbing) this.previewTarget.hidden = true;
  }

  /** A line was chosen: tell when the pointer wanted to go beyond the frontier. */
  pressRange(event: PointerEvent): void {
    const { left, width } = this.rangeTarget.getBoundingClientRect();
    const wish = ((event.clientX - left) / width) * this.rule.durationS;
    if (land(wish, this.rule).held) this.say(fill(this.heldTextValue, { time: timeline(this.rule.frontierS) }));
  }

  chooseQuality(): void {
    const { value } = this.qualityTarget;
    this.engine?.choose(value === "auto" ? null : Number(value));
  }

  chooseSpeed(): void {
    this.videoTarget.playbackRate = Number(this.speedTarget.value);
  }

  mute(): void {
    this.videoTarget.muted = !this.videoTarget.muted;
  }

  async fullscreen(): Promise<void> {
    await toggleWholeScreen(this.stageTarget, this.videoTarget);
  }

  /** 在这里继续. */
  takeLease(): void {
    tell("study:take-lease", {});
  }

  tryAgain(): void {
    this.brokenTarget.hidden = true;
    this.engine?.destroy();
    this.engine = null;
    void this.start();
  }

  key(event: KeyboardEvent): void {
    const { target } = event;
    if (event.altKey || event.ctrlKey || event.metaKey || target instanceof HTMLSelectElement) return;
    const onButton = target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement;
    const deeds: Record<string, () => void> = {
      k: () => this.toggle(),
      j: () => this.step(-STEP_S),
      l: () => this.step(STEP_S),
      ArrowLeft: () => this.step(-STEP_S),
      ArrowRight: () => this.step(STEP_S),
      f: () => void this.fullscreen(),
      m: () => this.mute(),
    };
    if (!onButton) deeds[" "] = () => this.toggle();
    const deed = deeds[event.key];
    if (!deed || event.defaultPrevented) return;
    event.preventDefault();
    deed();
    this.wake();
  }

  /** A finger: one tap shows or hides the controls, two at a side step ten seconds. A mouse: play or pause. */
  tap(event: PointerEvent): void {
    if (event.target instanceof Element && event.target.closest("button, select, input, a")) return;
    if (event.pointerType === "mouse") {
      this.toggle();
      return;
    }
    const { left, width } = this.stageTarget.getBoundingClientRect();
    const share = (event.clientX - left) / width;
    const side = share < 1 / 3 ? -1 : share > 2 / 3 ? 1 : 0;
    const now = performance.now();
    if (side && side === this.lastTap.side && now - this.lastTap.at < DOUBLE_TAP_MS) this.step(side * STEP_S);
    this.lastTap = { at: now, side };
    if (this.stageTarget.classList.contains("is-quiet")) this.wake();
    else this.quieten();
  }

  /** Somebody is there: the controls show. */
  wake(): void {
    this.stageTarget.classList.remove("is-quiet");
    window.clearTimeout(this.quietTimer);
    this.quietTimer = window.setTimeout(() => this.quieten(), QUIET_AFTER_MS);
  }

  // Playing

  /** `words`: why it begins where it begins, when that is not simply where it was left. */
  private async start(words = ""): Promise<void> {
    const { videoTarget: video } = this;
    this.stageTarget.classList.add("is-begun");
    this.leftWhilePlaying = false;
    try {
      if (!this.engine) {
        await this.load();
        this.notReached = 0;
        this.unreachedTarget.hidden = true;
        const resumed = this.positionS >= 1 ? fill(this.resumedTextValue, { time: timeline(this.positionS) }) : "";
        if (words || resumed) this.say(words || resumed);
      }
      if (video.ended) video.currentTime = 0;
      await video.play();
    } catch (error) {
      if (error instanceof NotReached) return this.awaitNetwork();
      if (!(error instanceof DOMException)) throw error;
      // The browser wants another touch, or the lecture was exchanged meanwhile.
      if (error.name === "NotAllowedError") this.say(this.againTextValue);
      this.show();
    }
  }

  /**
   * The lecture could not even be loaded; it begins when there is a network again. It is tried more than once, since
   * a browser says `online` before anything can be reached.
   */
  private async awaitNetwork(): Promise<void> {
    this.stageTarget.classList.remove("is-loading", "is-begun");
    this.unreachedTarget.hidden = false;
    this.notReached += 1;
    const turn = this.notReached;
    await patience(backoffMs(Math.min(turn, 4), Math.random())); // somebody sits there and waits: 16 s at most
    const underWay = this.stageTarget.classList.contains("is-loading"); // somebody has pressed the button meanwhile
    if (turn === this.notReached && !underWay) this.tryAgain();
  }

  private async load(): Promise<void> {
    const playback = this.play?.playback;
    if (!playback) return;
    this.engine?.destroy();
    this.engine = null;
    this.stageTarget.classList.add("is-loading");
    const views = this.view !== null && !this.listening ? playback.views_url : undefined;
    const thrifty = this.thrifty ? playback.slides_url : undefined;
    const sound = this.listening ? playback.audio_url : undefined;
    const url = views || sound || thrifty || playback.manifest_url;
    const sphere = (playback.projection ?? "FLAT") !== "FLAT";
    this.engine = await attach(
      this.videoTarget,
      { url, startS: this.positionS, sphere, level: views ? (this.view ?? 0) : undefined },
      {
        onLevels: (levels) => this.offer(views ? [] : levels, sphere),
        onExpired: () => void this.renew(),
        onBroken: (detail) => {
          console.warn("the lecture does not play", detail);
          this.brokenTarget.hidden = false;
          this.stageTarget.classList.remove("is-loading");
        },
      },
    );
    this.lockScreen.introduce({
      title: this.titleValue || document.title,
      course: this.courseValue,
      artwork: playback.poster_url ?? "",
      play: () => void this.start(),
      pause: () => this.videoTarget.pause(),
      step: (seconds) => this.step(seconds),
      seek: (positionS) => this.goTo(positionS, false),
    });
  }

  private async renew(): Promise<void> {
    this.renewals += 1;
    const fresh = this.renewals <= 3 ? await freshPlay().catch(() => null) : null;
    if (!fresh?.playback || !this.play) {
      this.signedOutTarget.hidden = false;
      return;
    }
    this.play.playback = fresh.playback;
    const playing = !this.videoTarget.paused;
    await this.load();
    if (playing) await this.videoTarget.play();
  }

  private goTo(wishS: number, play = true): void {
    const landing = land(wishS, this.rule);
    const held = landing.held ? fill(this.heldTextValue, { time: timeline(landing.positionS) }) : "";
    if (held) this.say(held);
    this.positionS = landing.positionS;
    if (this.engine) this.videoTarget.currentTime = landing.positionS;
    if (play) {
      this.stageTarget.scrollIntoView({ block: "nearest", behavior: "smooth" });
      void this.start(held);
    }
    this.paint(landing.positionS);
  }

  private step(seconds: number): void {
    this.goTo((this.engine ? this.videoTarget.currentTime : this.positionS) + seconds, false);
  }

  private async hearOnly(on: boolean): Promise<void> {
    if (on === this.listening || !this.play?.playback?.audio_url) return;
    const playing = !this.videoTarget.paused;
    this.setListening(on);
    if (!this.engine) return void this.start();
    await this.load();
    if (playing || on) await this.start();
  }

  /** Another view of a sphere begins at the next segment; between views and the sphere the stream is exchanged. */
  private async look(level: number | null): Promise<void> {
    const before = this.view;
    this.view = level;
    if (!this.engine || this.listening || before === level) return;
    if (before !== null && level !== null) return this.engine.choose(level);
    const playing = !this.videoTarget.paused;
    await this.load();
    if (playing) await this.start();
  }

  private setListening(on: boolean): void {
    this.listening = on;
    this.stageTarget.classList.toggle("is-listening", on);
    if (on) this.qualityTarget.hidden = true;
    tell("study:listening", { on });
  }

  /** Sound and slides, or the whole picture: from where the lecture is, playing if it played. */
  private async saveData(on: boolean): Promise<void> {
    if (on === this.thrifty || !this.play?.playback?.slides_url) return;
    const playing = !this.videoTarget.paused;
    this.thrifty = on;
    tell("study:thrifty", { on });
    if (this.engine) this.say(on ? this.thriftTextValue : this.wholeTextValue);
    if (this.listening || !this.engine) return;
    await this.load();
    if (playing) await this.start();
  }

  /** What the archive says about what was handed in. */
  private reckoned({ state, acknowledgedS }: News["study:state"]): void {
    const { videoTarget: video, rule } = this;
    rule.free ||= state.completed || state.free_seek;
    this.setCap(state.speed_cap);
    const back = leadBack(acknowledgedS, this.positionS, state.frontier_s, rule.free);
    if (back === null) {
      rule.frontierS = Math.max(rule.frontierS, state.frontier_s);
      return;
    }
    rule.frontierS = back;
    this.positionS = back;
    if (this.engine) video.currentTime = back;
    this.say(fill(this.ledBackTextValue, { time: timeline(back) }));
  }

  // The <video>'s own news

  private listen(video: HTMLVideoElement): void {
    const on = (name: string, deed: () => void, target: EventTarget = video) => {
      target.addEventListener(name, deed);
      this.endings.push(() => target.removeEventListener(name, deed));
    };
    on("play", () => this.show());
    on("playing", () => {
      this.stageTarget.classList.remove("is-loading");
      this.wake();
      if (!this.listening) void this.lockScreen.keepAwake();
    });
    on("pause", () => {
      this.show();
      this.lockScreen.letSleep();
    });
    on("waiting", () => this.stageTarget.classList.add("is-loading"));
    on("canplay", () => this.stageTarget.classList.remove("is-loading"));
    on("seeking", () => this.hold());
    on("timeupdate", () => this.tick());
    on("ended", () => this.show());
    on("ratechange", () => {
      const held = heldSpeed(video.playbackRate, this.cap);
      if (held !== video.playbackRate) video.playbackRate = held;
      this.speedTarget.value = String(held);
    });
    on("volumechange", () => this.show());
    on("online", () => this.engine?.wake(), window);
    on("visibilitychange", () => this.seenOrNot(), document);
    on("fullscreenchange", () => this.show(), document);
    on("webkitfullscreenchange", () => this.show(), document);
  }

  private tick(): void {
    const { videoTarget: video } = this;
    if (video.seeking || !this.engine || video.readyState < 1) return;
    const before = this.positionS;
    this.positionS = video.currentTime;
    if (!video.paused && this.counts) this.rule.frontierS = pushed(this.rule, before, this.positionS);
    if (!this.scrubbing) this.paint(this.positionS);
    this.lockScreen.position(this.positionS, this.rule.durationS, video.playbackRate);
  }

  /** A jump from anywhere (a lock screen, the phone's own controls) is held to the same rule. */
  private hold(): void {
    const landing = land(this.videoTarget.currentTime, this.rule);
    if (landing.held) {
      this.videoTarget.currentTime = landing.positionS;
      this.say(fill(this.heldTextValue, { time: timeline(landing.positionS) }));
    }
    this.positionS = landing.positionS;
  }

  /** Seconds that nobody sees don't count; so they aren't spent. */
  private seenOrNot(): void {
    const { videoTarget: video } = this;
    if (document.visibilityState === "hidden") {
      if (video.paused || this.counts || this.rule.free) return;
      video.pause();
      this.leftWhilePlaying = true;
    } else if (this.leftWhilePlaying) {
      this.leftWhilePlaying = false;
      this.say(this.pausedTextValue);
    } else if (!video.paused && !this.listening) void this.lockScreen.keepAwake();
  }

  private get counts(): boolean {
    return document.visibilityState === "visible" || this.listening || this.immersed;
  }

  /** The archive allows more after completion. */
  private setCap(cap: number): void {
    if (cap === this.cap) return;
    this.cap = cap;
    this.speedTarget.replaceChildren(
      ...speeds(cap).map((speed) => new Option(`${speed.toFixed(speed % 0.5 ? 2 : 1)}×`, String(speed))),
    );
    this.speedTarget.value = String(heldSpeed(this.videoTarget.playbackRate, cap));
  }

  // What is seen

  private takeOver(): void {
    const { videoTarget: video } = this;
    video.controls = false;
    video.querySelectorAll("source, track").forEach((one) => one.remove());
    video.load();
    this.controlsTarget.hidden = false;
    this.startTarget.hidden = false;
    this.stageTarget.classList.add("is-ready");
    this.rangeTarget.max = String(Math.max(1, Math.floor(this.rule.durationS)));
    this.setCap(this.play?.speed_cap ?? 1);
    if (!document.fullscreenEnabled && !("webkitEnterFullscreen" in video)) this.fullscreenTarget.hidden = true;
    this.paint(this.positionS);
  }

  private offer(levels: Level[], sphere: boolean): void {
    const texts = { smooth: this.smoothTextValue, standard: this.standardTextValue, high: this.highTextValue };
    const offered = this.listening ? [] : qualities(levels, sphere);
    const automatic = this.qualityTarget.options[0] as HTMLOptionElement;
    this.qualityTarget.replaceChildren(
      automatic,
      ...offered.map(({ name, level, megabytesPerMinute }) => {
        const option = new Option(texts[name], String(level));
        option.title = fill(this.perMinuteTextValue, { megabytes: megabytesPerMinute });
        return option;
      }),
    );
    this.qualityTarget.value = automatic.value;
    this.qualityTarget.hidden = !offered.length;
  }

  /** Shows what plays, what is paused, what is whole. */
  private show(): void {
    const { videoTarget: video } = this;
    const paused = video.paused;
    this.stageTarget.classList.toggle("is-paused", paused);
    this.toggleTarget.setAttribute("aria-label", paused ? this.playTextValue : this.pauseTextValue);
    this.muteTarget.setAttribute("aria-label", video.muted ? this.soundTextValue : this.muteTextValue);
    this.stageTarget.classList.toggle("is-muted", video.muted);
    const full = fillsScreen();
    this.stageTarget.classList.toggle("is-full", full);
    this.fullscreenTarget.setAttribute("aria-label", full ? this.smallTextValue : this.fullTextValue);
    if (paused) {
      this.stageTarget.classList.remove("is-loading", "is-quiet");
      window.clearTimeout(this.quietTimer);
    }
  }

  private quieten(): void {
    const held = this.videoTarget.paused || this.scrubbing || this.controlsTarget.querySelector(":focus-visible");
    if (held && !this.controlsTarget.querySelector("select:focus")) {
      if (!this.videoTarget.paused) this.wake();
      return;
    }
    this.stageTarget.classList.add("is-quiet");
  }

  private paint(positionS: number): void {
    const { rangeTarget: range } = this;
    const whole = this.rule.durationS || 1;
    const reach = this.rule.free ? 1 : Math.min(this.rule.frontierS / whole, 1);
    this.nowTarget.textContent = timeline(positionS);
    tell("study:position", { positionS });
    if (!this.scrubbing) range.value = String(positionS);
    range.setAttribute("aria-valuetext", `${timeline(positionS)} / ${timeline(whole)}`);
    range.style.setProperty("--played", `${(Math.min(positionS / whole, 1) * 100).toFixed(2)}%`);
    range.style.setProperty("--reach", `${(reach * 100).toFixed(2)}%`);
  }

  private mark(chapters: Chapter[]): void {
    this.chapters = chapters;
    this.marksTarget.replaceChildren(
      ...marks(chapters, this.rule.durationS).map((share) => {
        const mark = document.createElement("span");
        mark.style.setProperty("--at", `${(share * 100).toFixed(3)}%`);
        return mark;
      }),
    );
  }

  private async preview(positionS: number): Promise<void> {
    const share = positionS / (this.rule.durationS || 1);
    const chapter = this.chapters[chapterAt(this.chapters, positionS)];
    this.previewTimeTarget.textContent = [timeline(positionS), chapter?.title].filter(Boolean).join(" ");
    this.previewTarget.style.setProperty("--at", `${(share * 100).toFixed(2)}%`);
    this.previewTarget.hidden = false;
    const found = await this.storyboard.at(positionS);
    this.tileTarget.hidden = !found;
    if (!found) return;
    Object.assign(this.tileTarget.style, {
      width: `${found.width}px`,
      height: `${found.height}px`,
      backgroundImage: `url("${found.url}")`,
      backgroundPosition: `-${found.x}px -${found.y}px`,
    });
  }

  private say(words: string): void {
    this.noticeTarget.textContent = words;
    this.noticeTarget.hidden = false;
    window.clearTimeout(this.noticeTimer);
    this.noticeTimer = window.setTimeout(() => {
      this.noticeTarget.hidden = true;
    }, NOTICE_MS);
  }
}
