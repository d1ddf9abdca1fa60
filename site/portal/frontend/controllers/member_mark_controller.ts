/**
 * Lets a member's name wander faintly over the picture, in courses that ask for it: who films the screen films his name.
 *
 * It moves every 20 to 40 seconds, never over controls, captions or notices, glides unless the device asks for less
 * motion (then it jumps), is nothing to a screen reader and takes no clicks. Taken away or hidden, it comes back.
 * It discourages; it prevents nothing.
 *
 *   <div class="player__stage" data-controller="member-mark" data-member-mark-text-value="周敏 第一支部 2026-11-23">
 */
import { Controller } from "@hotwired/stimulus";

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

const KEEP_OFF = ".player__controls, .player__caption, .player__notice, .player__tools, .player__views, .player__start";
const LEAST_MS = 20_000;
const MOST_MS = 40_000;

/**
 * Where the mark goes next: left and top in pixels within a stage of `width` × `height`.
 *
 * `avoid` are boxes relative to the stage. Of twelve random places the first free one in the upper two thirds is
 * taken, else the one least covered. `random` gives numbers from 0 to 1.
 */
export function nextPlace(
  stage: { width: number; height: number },
  mark: { width: number; height: number },
  avoid: Box[],
  random: () => number = Math.random,
): { left: number; top: number } {
  const across = Math.max(0, stage.width - mark.width - 16);
  const down = Math.max(0, stage.height * 0.66 - mark.height - 8);
  let best = { left: 8, top: 8 };
  let least = Infinity;
  for (let trial = 0; trial < 12; trial += 1) {
    const place = { left: Math.floor(8 + random() * across), top: Math.floor(8 + random() * down) };
    const covered = avoid.reduce((sum, box) => sum + overlap({ ...place, ...mark }, box), 0);
    if (covered < least) [best, least] = [place, covered];
    if (!covered) break;
  }
  return best;
}

function overlap(one: Box, other: Box): number {
  const wide = Math.min(one.left + one.width, other.left + other.width) - Math.max(one.left, other.left);
  const tall = Math.min(one.top + one.height, other.top + other.height) - Math.max(one.top, other.top);
  return wide > 0 && tall > 0 ? wide * tall : 0;
}

export default class MemberMarkController extends Controller<HTMLElement> {
  static override values = { text: String };
  declare readonly textValue: string;

  private mark: HTMLElement | null = null;
  private watcher: MutationObserver | null = null;
  private timer: number | undefined;

  override connect(): void {
    if (!this.textValue) return;
    this.watcher = new MutationObserver(() => this.hold());
    this.hold();
    this.wander();
  }

  override disconnect(): void {
    window.clearTimeout(this.timer);
    this.watcher?.disconnect();
    this.mark?.remove();
    this.mark = null;
  }

  /** The mark is there, says what it has to, and is seen; whatever was done to it is undone. */
  private hold(): void {
    this.watcher?.disconnect();
    if (this.mark?.parentElement !== this.element || this.mark.textContent !== this.textValue) {
      const place = this.mark?.dataset;
      this.mark?.remove();
      this.mark = document.createElement("span");
      this.mark.textContent = this.textValue;
      this.element.append(this.mark);
      this.put(Number(place?.left ?? 8), Number(place?.top ?? 8));
    } else this.put(Number(this.mark.dataset.left ?? 8), Number(this.mark.dataset.top ?? 8));
    this.watcher?.observe(this.element, { childList: true });
    if (this.mark) {
      this.watcher?.observe(this.mark, { attributes: true, childList: true, characterData: true, subtree: true });
    }
  }

  private put(left: number, top: number): void {
    const mark = this.mark;
    if (!mark) return;
    for (const { name } of [...mark.attributes]) {
      if (!["class", "aria-hidden", "style"].includes(name)) mark.removeAttribute(name);
    }
    mark.className = "player__mark";
    mark.setAttribute("aria-hidden", "true");
    mark.style.cssText = `transform: translate(${left}px, ${top}px)`;
    mark.dataset.left = String(left);
    mark.dataset.top = String(top);
  }

  private readonly wander = (): void => {
    const stage = this.element.getBoundingClientRect();
    if (this.mark && stage.width) {
      const own = { width: this.mark.offsetWidth, height: this.mark.offsetHeight };
      const avoid = [...this.element.querySelectorAll<HTMLElement>(KEEP_OFF)]
        .map((part) => part.getBoundingClientRect())
        .filter((box) => box.width && box.height)
        .map((box) => ({ left: box.left - stage.left, top: box.top - stage.top, width: box.width, height: box.height }));
      const { left, top } = nextPlace(stage, own, avoid);
      this.watcher?.disconnect();
      this.put(left, top);
      this.hold();
    }
    this.timer = window.setTimeout(this.wander, LEAST_MS + Math.random() * (MOST_MS - LEAST_MS));
  };
}
