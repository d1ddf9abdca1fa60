/**
 * The lecture's chapters as a list that follows it; a tap leads there. Appears when there are at least two.
 *
 *   <section data-controller="chapters" hidden>
 *     <ol data-chapters-target="list" data-action="click->chapters#lead"></ol>
 *     <template data-chapters-target="line"><li><button><time></time><span></span></button></li></template>
 *   </section>
 */
import { Controller } from "@hotwired/stimulus";
import { chapterAt, readChapters, type Chapter } from "../study/chapters";
import { timeline } from "../study/clock";
import { readLessonPlay } from "../study/lesson_play";
import { hear, tell } from "../study/news";

export default class ChaptersController extends Controller<HTMLElement> {
  static override targets = ["list", "line"];
  declare readonly listTarget: HTMLElement;
  declare readonly lineTarget: HTMLTemplateElement;

  private chapters: Chapter[] = [];
  private current = -1;
  private end: (() => void) | null = null;

  override async connect(): Promise<void> {
    const url = readLessonPlay()?.playback?.chapters_url;
    if (!url) return;
    try {
      const answer = await fetch(url);
      if (!answer.ok) return;
      this.chapters = readChapters(await answer.text());
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return; // offline: a lecture without chapters
    }
    if (!this.chapters.length || !this.element.isConnected) return;
    this.fill();
    this.end = hear("study:position", ({ positionS }) => this.follow(positionS));
    tell("study:chapters", { chapters: this.chapters });
  }

  override disconnect(): void {
    this.end?.();
  }

  lead(event: Event): void {
    const start = (event.target as Element).closest<HTMLElement>("[data-start]")?.dataset["start"];
    if (start !== undefined) tell("study:seek", { positionS: Number(start) });
  }

  private fill(): void {
    this.listTarget.replaceChildren(
      ...this.chapters.map((chapter) => {
        const row = this.lineTarget.content.cloneNode(true) as DocumentFragment;
        const button = row.querySelector("button");
        const time = row.querySelector("time");
        const title = row.querySelector("span");
        if (button) button.dataset["start"] = String(chapter.startS);
        if (time) time.textContent = timeline(chapter.startS);
        if (title) title.textContent = chapter.title;
        return row;
      }),
    );
    this.element.hidden = false;
  }

  private follow(positionS: number): void {
    const now = chapterAt(this.chapters, positionS);
    if (now === this.current) return;
    this.listTarget.querySelector("[aria-current]")?.removeAttribute("aria-current");
    this.current = now;
    const row = this.listTarget.children[now] as HTMLElement | undefined;
    row?.querySelector("button")?.setAttribute("aria-current", "true");
    // Only the list scrolls, never the page under somebody's thumb.
    if (row && !this.listTarget.matches(":hover, :focus-within")) {
      this.listTarget.scrollTop = row.offsetTop - this.listTarget.offsetTop - this.listTarget.clientHeight / 3;
    }
  }
}
