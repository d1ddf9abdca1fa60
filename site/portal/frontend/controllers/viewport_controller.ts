/**
 * 简易模式 of a 360° lecture: flat views in eight directions, for phones without WebGL or with little strength.
 *
 * Turning chooses another rendition of the same stream; the picture changes at the next segment's border while the
 * lecture, its sound and its record go on. Begins by itself where a sphere can't be drawn. The member's choice is
 * kept on this device.
 *
 *   <section data-controller="player viewport" data-viewport-words-value='["Straight ahead", …]'> …
 *     <div data-viewport-target="bar" data-action="keydown->viewport#key" hidden>
 *       <button data-action="viewport#left">◀</button>
 *       <span data-viewport-target="compass"><svg><g data-viewport-target="needle"/></svg></span>
 *       <span data-viewport-target="word" role="status"></span>
 *       <button data-action="viewport#right">▶</button>
 *     </div>
 *   </section>
 */
import { Controller } from "@hotwired/stimulus";
import { readLessonPlay } from "../study/lesson_play";
import { hear, tell } from "../study/news";
import { nearest, straightAhead, swiped, turned, wordOf } from "../study/viewports";

const KEPT = "player.simple";

export default class ViewportController extends Controller<HTMLElement> {
  static override targets = ["bar", "needle", "word", "left", "right", "video"];
  static override values = { words: Array };
  declare readonly barTarget: HTMLElement;
  declare readonly needleTarget: SVGElement;
  declare readonly wordTarget: HTMLElement;
  declare readonly leftTarget: HTMLButtonElement;
  declare readonly rightTarget: HTMLButtonElement;
  declare readonly videoTarget: HTMLVideoElement;
  declare readonly hasBarTarget: boolean;
  declare readonly wordsValue: string[];

  private yaws: number[] = [];
  private view = 0;
  private on = false;
  private pressed: PointerEvent | null = null;
  private endings: (() => void)[] = [];

  override connect(): void {
    const playback = readLessonPlay()?.playback;
    if (!playback?.views_url || !playback.view_yaws?.length || !this.hasBarTarget || !streams()) return;
    this.yaws = playback.view_yaws;
    this.view = straightAhead(this.yaws);
    this.endings.push(
      hear("study:simplify", ({ on }) => this.simplify(on)),
      hear("study:no-sphere", () => this.simplify(true, false)),
      hear("study:looking", ({ yaw }) => {
        if (!this.on) this.view = nearest(yaw, this.yaws);
      }),
      hear("study:listening", ({ on }) => {
        this.barTarget.hidden = on || !this.on;
      }),
    );
    // After the player and the sphere have begun to listen to us.
    if (localStorage.getItem(KEPT) === "1" || !drawsSpheres()) setTimeout(() => this.simplify(true, false));
  }

  override disconnect(): void {
    this.endings.forEach((end) => end());
    this.endings = [];
  }

  // Actions

  left(): void {
    this.turn(-1);
  }

  right(): void {
    this.turn(1);
  }

  key(event: KeyboardEvent): void {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !this.on) return;
    event.preventDefault(); // on the player itself the arrows go back and forth in time
    this.turn(step);
  }

  press(event: PointerEvent): void {
    this.pressed = this.on ? event : null;
  }

  /** A stroke across the picture turns; a tap goes on to the player. */
  lift(event: PointerEvent): void {
    const { pressed } = this;
    this.pressed = null;
    if (!pressed || pressed.pointerId !== event.pointerId) return;
    const step = swiped(event.clientX - pressed.clientX, event.clientY - pressed.clientY);
    if (!step) return;
    event.stopImmediatePropagation();
    this.turn(step);
  }

  private simplify(on: boolean, keep = true): void {
    if (keep) localStorage.setItem(KEPT, on ? "1" : "0");
    if (on === this.on) return;
    this.on = on;
    this.element.classList.toggle("is-simple", on);
    this.barTarget.hidden = !on;
    this.show();
    tell("study:simple", { level: on ? this.view : null });
  }

  private turn(steps: number): void {
    const next = turned(this.view, steps, this.yaws);
    if (next === this.view) return;
    this.view = next;
    this.show();
    tell("study:simple", { level: next });
  }

  private show(): void {
    const yaw = this.yaws[this.view] ?? 0;
    this.needleTarget.setAttribute("transform", `rotate(${yaw} 12 12)`);
    this.wordTarget.textContent = this.wordsValue[wordOf(yaw)] ?? "";
    const stuck = (steps: number) => turned(this.view, steps, this.yaws) === this.view;
    this.leftTarget.setAttribute("aria-disabled", String(stuck(-1)));
    this.rightTarget.setAttribute("aria-disabled", String(stuck(1)));
  }
}

/** Views are chosen by hls.js; a browser that plays HLS only by itself chooses by itself. */
function streams(): boolean {
  return "MediaSource" in window || "ManagedMediaSource" in window;
}

/** Whether this device has WebGL; asked once, on a canvas that is thrown away. */
function drawsSpheres(): boolean {
  const canvas = document.createElement("canvas");
  try {
    const context = canvas.getContext("webgl2") ?? canvas.getContext("webgl");
    context?.getExtension("WEBGL_lose_context")?.loseContext();
    return context !== null;
  } catch {
    return false;
  }
}
