/**
 * Looking around in a 360° lecture: by finger, mouse, arrow keys or by turning the phone; and the headset.
 *
 * Three.js comes with study/sphere_scene.ts, only when a 360° lecture begins or a headset is asked for. Where WebGL
 * is missing the flat picture stays and the tools stay hidden.
 *
 *   <section data-controller="player sphere"> …
 *     <canvas data-sphere-target="canvas" tabindex="0" hidden></canvas>
 *     <div data-sphere-target="tools" hidden>
 *       <button data-sphere-target="tilt" data-action="sphere#tilt" aria-pressed="false" hidden>…</button>
 *       <button data-action="sphere#recentre">…</button>
 *     </div>
 *   </section>
 */
import { Controller } from "@hotwired/stimulus";
import { readLessonPlay } from "../study/lesson_play";
import { hear, tell } from "../study/news";
import type { Shape, SphereScene } from "../study/sphere_scene";
import { dragged, held, STRAIGHT_ON, zoomed } from "../study/sphere_view";

const DRAG_PX = 6;
const KEY_PX = 40;

interface AskingOrientation {
  requestPermission?: () => Promise<"granted" | "denied">;
}

export default class SphereController extends Controller<HTMLElement> {
  static override targets = ["canvas", "tools", "tilt", "video", "hint"];
  static override values = { wordsText: String, refusedText: String, tiltText: String };
  declare readonly canvasTarget: HTMLCanvasElement;
  declare readonly toolsTarget: HTMLElement;
  declare readonly tiltTarget: HTMLButtonElement;
  declare readonly videoTarget: HTMLVideoElement;
  declare readonly hintTarget: HTMLElement;
  declare readonly wordsTextValue: string;
  declare readonly refusedTextValue: string;
  declare readonly tiltTextValue: string;

  private shape: Shape = { projection: "FLAT", stereo: "MONO" };
  private scene: SphereScene | null = null;
  private coming: Promise<SphereScene | null> | null = null;
  private view = STRAIGHT_ON;
  private fingers = new Map<number, PointerEvent>();
  private moved = 0;
  private tilted = false;
  /** Flat views play instead (viewport_controller); then nothing is drawn. */
  private simple = false;
  private session: XRSession | null = null;
  private endings: (() => void)[] = [];

  override connect(): void {
    const playback = readLessonPlay()?.playback;
    if (!playback) return;
    this.shape = { projection: playback.projection ?? "FLAT", stereo: playback.stereo ?? "MONO" };
    this.endings.push(hear("study:immerse", () => void this.immerse()));
    if (this.shape.projection === "FLAT") return;
    this.element.classList.add("player--sphere");
    const begin = () => {
      if (!this.simple) void this.bring();
    };
    this.videoTarget.addEventListener("play", begin);
    this.endings.push(
      () => this.videoTarget.removeEventListener("play", begin),
      hear("study:listening", ({ on }) => this.cover(on)),
      hear("study:simple", ({ level }) => this.rest(level !== null)),
    );
  }

  override disconnect(): void {
    this.endings.forEach((end) => end());
    this.endings = [];
    window.removeEventListener("deviceorientation", this.steer);
    void this.session?.end();
    this.drop();
  }

  // Actions

  press(event: PointerEvent): void {
    this.fingers.set(event.pointerId, event);
    this.moved = 0;
    this.canvasTarget.setPointerCapture(event.pointerId);
  }

  drag(event: PointerEvent): void {
    const before = this.fingers.get(event.pointerId);
    if (!before) return;
    const others = [...this.fingers.values()].filter((finger) => finger.pointerId !== event.pointerId);
    const other = others[0];
    if (other) {
      this.look(zoomed(this.view, apart(event, other) / Math.max(1, apart(before, other))));
    } else {
      const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
      this.look(dragged(this.view, dx, dy, this.canvasTarget.clientHeight, this.shape.projection));
    }
    this.moved += Math.hypot(event.clientX - before.clientX, event.clientY - before.clientY);
    this.fingers.set(event.pointerId, event);
    if (this.moved > DRAG_PX) this.hintTarget.hidden = true;
  }

  /** A drag ends here; only a tap goes on to the player. */
  lift(event: PointerEvent): void {
    this.fingers.delete(event.pointerId);
    if (this.moved > DRAG_PX) event.stopPropagation();
  }

  wheel(event: WheelEvent): void {
    event.preventDefault();
    this.look(zoomed(this.view, event.deltaY < 0 ? 1.06 : 1 / 1.06));
  }

  key(event: KeyboardEvent): void {
    const steps: Record<string, [number, number]> = {
      ArrowLeft: [KEY_PX, 0],
      ArrowRight: [-KEY_PX, 0],
      ArrowUp: [0, KEY_PX],
      ArrowDown: [0, -KEY_PX],
    };
    const step = steps[event.key];
    if (step) this.look(dragged(this.view, ...step, this.canvasTarget.clientHeight, this.shape.projection));
    else if (event.key === "+" || event.key === "=") this.look(zoomed(this.view, 1.15));
    else if (event.key === "-") this.look(zoomed(this.view, 1 / 1.15));
    else return;
    event.preventDefault();
    this.hintTarget.hidden = true;
  }

  recentre(): void {
    this.look(STRAIGHT_ON);
  }

  /** The phone as a window: iPhones ask for leave, and only after a tap. */
  async tilt(): Promise<void> {
    if (this.tilted) return this.stopTilting();
    const asking = DeviceOrientationEvent as unknown as AskingOrientation;
    if ((await asking.requestPermission?.().catch(() => "denied")) === "denied") {
      tell("study:notice", { words: this.tiltTextValue });
      return;
    }
    this.tilted = true;
    this.tiltTarget.setAttribute("aria-pressed", "true");
    window.addEventListener("deviceorientation", this.steer);
  }

  // Drawing

  private async bring(): Promise<SphereScene | null> {
    this.coming ??= this.make();
    return this.coming;
  }

  private async make(): Promise<SphereScene | null> {
    const brought = await import("../study/sphere_scene").catch((error: unknown) => {
      console.warn("the sphere is shown flat until it is played again", error); // the network
      return null;
    });
    if (!brought) {
      this.coming = null;
      return null;
    }
    try {
      this.canvasTarget.hidden = false;
      this.scene = new brought.SphereScene(this.canvasTarget, this.videoTarget, this.shape);
    } catch (error) {
      this.canvasTarget.hidden = true;
      console.warn("the sphere is shown flat", error); // no WebGL here
      if (this.shape.projection !== "FLAT") tell("study:no-sphere", {});
      return null;
    }
    if (this.simple) {
      this.drop(); // chosen while three.js came
      return null;
    }
    const flat = this.shape.projection === "FLAT";
    this.canvasTarget.hidden = flat;
    this.toolsTarget.hidden = flat;
    this.hintTarget.hidden = flat;
    this.element.classList.toggle("is-round", !flat);
    this.tiltTarget.hidden = !("DeviceOrientationEvent" in window) || !matchMedia("(pointer: coarse)").matches;
    window.setTimeout(() => (this.hintTarget.hidden = true), 6000);
    return this.scene;
  }

  private look(view: typeof STRAIGHT_ON): void {
    this.view = held(view, this.shape.projection);
    this.scene?.look(this.view);
    tell("study:looking", { yaw: (this.view.yaw * 180) / Math.PI });
  }

  private steer = (event: DeviceOrientationEvent): void => {
    if (event.alpha === null) return this.stopTilting(); // a machine without the sensor
    this.hintTarget.hidden = true;
    this.scene?.tilt(event);
  };

  private stopTilting(): void {
    this.tilted = false;
    this.tiltTarget.setAttribute("aria-pressed", "false");
    window.removeEventListener("deviceorientation", this.steer);
    this.scene?.tilt(null);
  }

  /** While only the sound plays there is nothing to look around in. */
  private cover(on: boolean): void {
    if (!this.scene) return;
    this.canvasTarget.hidden = on;
    this.toolsTarget.hidden = on;
  }

  private rest(simple: boolean): void {
    this.simple = simple;
    if (simple) this.drop();
    else if (!this.videoTarget.paused || this.videoTarget.currentTime) void this.bring();
  }

  private drop(): void {
    this.stopTilting();
    this.scene?.destroy();
    this.scene = null;
    this.coming = null;
    this.canvasTarget.hidden = true;
    this.toolsTarget.hidden = true;
    this.hintTarget.hidden = true;
    this.element.classList.remove("is-round");
  }

  private async immerse(): Promise<void> {
    if (this.session) return;
    if (this.simple) tell("study:simplify", { on: false });
    const scene = await this.bring();
    if (!scene) return;
    const { videoTarget: video } = this;
    try {
      this.session = await scene.immerse({
        words: this.wordsTextValue,
        onSelect: () => (video.paused ? void video.play() : video.pause()),
        onEnd: () => {
          this.session = null;
          tell("study:immersed", { on: false });
        },
      });
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      console.warn("the headset did not open", error); // taken off, or the member said no
      tell("study:notice", { words: this.refusedTextValue });
      return;
    }
    tell("study:immersed", { on: true });
    tell("study:play", {});
  }
}

function apart(one: PointerEvent, other: PointerEvent): number {
  return Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
}
