/**
 * Offers titles while somebody types into a search box: a combobox with a list (WAI-ARIA 1.2, list autocomplete
 * with manual selection). Arrow keys walk through the list, Enter opens the chosen title, Escape closes it; without
 * a choice Enter sends the form as ever. What is typed waits a moment before it is asked, an answer that was
 * overtaken is thrown away, and where the network is away or slow, or the visitor saves data, nothing is said.
 *
 *   <form class="searchbox" data-controller="suggest" data-suggest-url-value="/api/search/suggest"
 *         data-suggest-label-value="Titles" data-suggest-found-value="{n} titles">
 *     <input id="q" name="q" data-suggest-target="input">
 */
import { Controller } from "@hotwired/stimulus";

interface Suggestion {
  title: string;
  kind_label: string;
  url: string;
}

const PAUSE_MS = 180;
const PATIENCE_MS = 4000;
const REST_MS = 20_000;
const LEAST = 2;
const KEPT = 30;

export default class SuggestController extends Controller<HTMLFormElement> {
  static override targets = ["input"];
  static override values = { url: String, label: String, found: String };
  declare readonly inputTarget: HTMLInputElement;
  declare readonly urlValue: string;
  declare readonly labelValue: string;
  declare readonly foundValue: string;

  private list: HTMLUListElement | null = null;
  private status: HTMLElement | null = null;
  private chosen = -1;
  private timer: number | undefined;
  private asking: AbortController | null = null;
  private readonly known = new Map<string, Suggestion[]>();
  private composing = false;
  private restUntil = 0;

  override connect(): void {
    const list = document.createElement("ul");
    list.className = "suggest";
    list.id = `${this.inputTarget.id || "q"}-suggestions`;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", this.labelValue);
    list.hidden = true;
    const status = document.createElement("span");
    status.className = "sr-only";
    status.setAttribute("role", "status");
    this.element.append(list, status);
    [this.list, this.status] = [list, status];
    const input = this.inputTarget;
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-expanded", "false");
    input.setAttribute("aria-controls", list.id);
    input.addEventListener("input", this.typed);
    input.addEventListener("keydown", this.pressed);
    input.addEventListener("blur", this.left);
    input.addEventListener("compositionstart", this.compositionBegan);
    input.addEventListener("compositionend", this.compositionEnded);
    list.addEventListener("mousedown", this.held);
    list.addEventListener("click", this.clicked);
  }

  override disconnect(): void {
    window.clearTimeout(this.timer);
    this.asking?.abort();
    const input = this.inputTarget;
    input.removeEventListener("input", this.typed);
    input.removeEventListener("keydown", this.pressed);
    input.removeEventListener("blur", this.left);
    input.removeEventListener("compositionstart", this.compositionBegan);
    input.removeEventListener("compositionend", this.compositionEnded);
    for (const name of ["role", "aria-autocomplete", "aria-expanded", "aria-controls", "aria-activedescendant"]) {
      input.removeAttribute(name);
    }
    this.list?.remove();
    this.status?.remove();
  }

  private readonly compositionBegan = (): void => {
    this.composing = true;
  };

  private readonly compositionEnded = (): void => {
    this.composing = false;
    this.typed();
  };

  private readonly typed = (): void => {
    window.clearTimeout(this.timer);
    this.asking?.abort();
    // While an input method composes, its letters are not yet what is meant.
    if (this.composing) return;
    const text = this.inputTarget.value.trim();
    if ([...text].length < LEAST || savesData() || Date.now() < this.restUntil) {
      this.close();
      return;
    }
    const known = this.known.get(text);
    if (known) this.show(known);
    else this.timer = window.setTimeout(() => void this.ask(text), PAUSE_MS);
  };

  private async ask(text: string): Promise<void> {
    const asking = new AbortController();
    this.asking = asking;
    let late = false;
    const patience = window.setTimeout(() => {
      late = true;
      asking.abort();
    }, PATIENCE_MS);
    try {
      const answer = await fetch(`${this.urlValue}?q=${encodeURIComponent(text)}`, {
        signal: asking.signal,
        headers: { Accept: "application/json" },
      });
      if (!answer.ok) throw new Error(String(answer.status));
      const { suggestions } = (await answer.json()) as { suggestions: Suggestion[] };
      if (asking.signal.aborted) return;
      if (this.known.size >= KEPT) this.known.clear();
      this.known.set(text, suggestions);
      if (this.inputTarget.value.trim() === text && document.activeElement === this.inputTarget) this.show(suggestions);
    } catch {
      // Overtaken by the next letter: nothing to say. Late or refused: leave the line in peace for a while.
      if (late || !asking.signal.aborted) {
        this.restUntil = Date.now() + REST_MS;
        this.close();
      }
    } finally {
      window.clearTimeout(patience);
    }
  }

  private show(suggestions: Suggestion[]): void {
    const list = this.list;
    if (!list) return;
    this.choose(-1);
    list.replaceChildren(...suggestions.map((one, place) => this.option(one, place)));
    list.hidden = suggestions.length === 0;
    this.inputTarget.setAttribute("aria-expanded", String(!list.hidden));
    if (this.status) this.status.textContent = list.hidden ? "" : this.foundValue.replace("{n}", String(suggestions.length));
  }

  private option(one: Suggestion, place: number): HTMLElement {
    const option = document.createElement("li");
    option.id = `${this.list?.id}-${place}`;
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", "false");
    option.dataset.url = one.url;
    const title = document.createElement("span");
    title.textContent = one.title;
    const kind = document.createElement("span");
    kind.className = "suggest__kind";
    kind.textContent = one.kind_label;
    option.append(title, kind);
    return option;
  }

  private close(): void {
    if (!this.list) return;
    this.choose(-1);
    this.list.hidden = true;
    this.inputTarget.setAttribute("aria-expanded", "false");
    if (this.status) this.status.textContent = "";
  }

  private readonly pressed = (event: KeyboardEvent): void => {
    if (event.isComposing || !this.list) return;
    if (event.key === "Escape" && !this.list.hidden) {
      event.preventDefault(); // the first Escape closes the list, the next one empties the field
      this.close();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const count = this.list.children.length;
      if (this.list.hidden || !count) return;
      event.preventDefault();
      // -1 is the field itself, between the last and the first.
      const next = this.chosen + (event.key === "ArrowDown" ? 1 : -1);
      this.choose(next < -1 ? count - 1 : next >= count ? -1 : next);
    } else if (event.key === "Enter" && !this.list.hidden && this.chosen >= 0) {
      event.preventDefault();
      this.open(this.list.children[this.chosen]);
    }
  };

  private choose(place: number): void {
    this.chosen = place;
    for (const [number, option] of [...(this.list?.children ?? [])].entries()) {
      option.setAttribute("aria-selected", String(number === place));
      if (number === place) {
        this.inputTarget.setAttribute("aria-activedescendant", option.id);
        option.scrollIntoView?.({ block: "nearest" });
      }
    }
    if (place < 0) this.inputTarget.removeAttribute("aria-activedescendant");
  }

  private readonly held = (event: MouseEvent): void => {
    event.preventDefault(); // else the field loses the focus, and the list closes before the click
  };

  private readonly clicked = (event: MouseEvent): void => {
    this.open((event.target as Element).closest("[role='option']"));
  };

  private open(option: Element | null | undefined): void {
    const address = (option as HTMLElement | null)?.dataset.url;
    if (address) window.location.assign(address);
  }

  private readonly left = (): void => {
    window.clearTimeout(this.timer);
    this.asking?.abort();
    this.close();
  };
}

function savesData(): boolean {
  const connection = (navigator as { connection?: { saveData?: boolean; effectiveType?: string } }).connection;
  return Boolean(connection?.saveData) || /2g$/.test(connection?.effectiveType ?? "");
}
