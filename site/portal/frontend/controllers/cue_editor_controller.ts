/**
 * 校对字幕: the lecture on one side, its captions on the other. The caption that is heard is marked and in sight; every
 * change can be taken back, lies in the browser until it is saved, and never overwrites what somebody else saved.
 *
 *   <div data-controller="cue-editor"> <script type="application/json" id="cue-editor-data">…</script>
 *     <video data-cue-editor-target="video"> … <div data-cue-editor-target="list"> … <template data-cue-editor-target="row">
 *   </div>
 *
 * The whole of it: templates/catalogue_admin/captions_edit.html; what is pure: cue_list.ts. Only the rows in sight are
 * in the document, so two thousand captions are as quick as twenty.
 */
import { Controller } from "@hotwired/stimulus";
import { attach, type Engine } from "../study/engine";
import {
  cueAt, find, History, insertAfter, insertAt, inWindow, merge, readDraft, readTime, received, replaceAll, replaceOne, showTime,
  split, toSend, warnings, withText, withTime, without, type Cue, type Draft, type Match, type Sent,
} from "./cue_list";

interface Data {
  asset: string;
  lang: string;
  revision: number;
  durationMs: number;
  cues: Sent[];
  videoUrl: string;
  saveUrl: string;
  words: Record<string, string>;
}

const NUDGE_MS = 100;
const DRAFT_AFTER_MS = 800;

export class CueEditorController extends Controller<HTMLElement> {
  static override targets = [
    "plain", "desk", "video", "heard", "list", "sheet", "row", "count", "state", "save", "undo", "redo", "draft",
    "draftText", "conflict", "conflictText", "find", "instead", "matches", "follow", "empty", "live",
  ];
  declare readonly plainTarget: HTMLElement;
  declare readonly deskTarget: HTMLElement;
  declare readonly videoTarget: HTMLVideoElement;
  declare readonly hasVideoTarget: boolean;
  declare readonly heardTarget: HTMLElement;
  declare readonly listTarget: HTMLElement;
  declare readonly sheetTarget: HTMLElement;
  declare readonly rowTarget: HTMLTemplateElement;
  declare readonly countTarget: HTMLElement;
  declare readonly stateTarget: HTMLElement;
  declare readonly saveTarget: HTMLButtonElement;
  declare readonly undoTarget: HTMLButtonElement;
  declare readonly redoTarget: HTMLButtonElement;
  declare readonly draftTarget: HTMLElement;
  declare readonly draftTextTarget: HTMLElement;
  declare readonly conflictTarget: HTMLElement;
  declare readonly conflictTextTarget: HTMLElement;
  declare readonly findTarget: HTMLInputElement;
  declare readonly insteadTarget: HTMLInputElement;
  declare readonly matchesTarget: HTMLElement;
  declare readonly followTarget: HTMLInputElement;
  declare readonly emptyTarget: HTMLElement;
  declare readonly liveTarget: HTMLElement;

  private given!: Data;
  private history!: History;
  private saved: Cue[] = [];
  private revision = 0;
  private overRevision: number | null = null;
  private saving = false;
  private heardId = 0;
  private rowPx = 140;
  private shown = new Map<number, HTMLElement>();
  private match: Match | null = null;
  private draft: Draft | null = null;
  private draftTimer = 0;
  private asked = 0;
  private engine: Engine | null = null;
  private readonly leave = (event: BeforeUnloadEvent) => {
    if (!this.dirty) return;
    this.keepDraft();
    event.preventDefault();
  };
  private readonly hide = () => {
    if (document.hidden && this.dirty) this.keepDraft();
  };
  private readonly resized = () => this.measure();

  override connect(): void {
    this.given = JSON.parse(document.getElementById("cue-editor-data")?.textContent ?? "") as Data;
    this.history = new History(received(this.given.cues));
    this.saved = this.history.now;
    this.revision = this.given.revision;
    this.plainTarget.hidden = true;
    this.deskTarget.hidden = false;
    this.draft = readDraft(this.stored(), this.given.cues);
    if (this.draft) {
      const at = new Date(this.draft.at).toLocaleString("zh-CN", { dateStyle: "short", timeStyle: "short" });
      const stale = this.draft.revision !== this.revision ? this.given.words["draftStale"] : "";
      this.draftTextTarget.textContent = `${this.word("draft", { at })}${stale}`;
      this.draftTarget.hidden = false;
    }
    window.addEventListener("beforeunload", this.leave);
    window.addEventListener("resize", this.resized);
    document.addEventListener("visibilitychange", this.hide);
    this.measure();
    void this.loadVideo();
  }

  override disconnect(): void {
    window.removeEventListener("beforeunload", this.leave);
    window.removeEventListener("resize", this.resized);
    document.removeEventListener("visibilitychange", this.hide);
    window.clearTimeout(this.draftTimer);
    cancelAnimationFrame(this.asked);
    this.engine?.destroy();
  }

  private get cues(): Cue[] {
    return this.history.now;
  }

  private get dirty(): boolean {
    return this.history.now !== this.saved;
  }

  // the lecture

  private async loadVideo(): Promise<void> {
    if (!this.hasVideoTarget || !this.given.videoUrl) return;
    const broken = () => this.say("noVideo");
    this.engine = await attach(
      this.videoTarget,
      { url: this.given.videoUrl, startS: 0, sphere: false },
      { onLevels: () => undefined, onExpired: broken, onBroken: broken },
    );
  }

  private get nowMs(): number {
    return this.hasVideoTarget ? Math.round(this.videoTarget.currentTime * 1000) : -1;
  }

  /** timeupdate and seeking: mark what is heard, keep it in sight unless somebody writes elsewhere. */
  heard(): void {
    const at = cueAt(this.cues, this.nowMs);
    const cue = this.cues[at];
    this.heardTarget.textContent = cue?.text ?? "";
    if ((cue?.id ?? 0) === this.heardId) return;
    this.heardId = cue?.id ?? 0;
    const writing = this.listTarget.contains(document.activeElement) && !this.videoTarget.paused;
    if (cue && this.followTarget.checked && !(writing && document.activeElement?.tagName === "TEXTAREA")) this.reveal(at);
    this.draw();
  }

  private jump(at: number, play: boolean): void {
    const cue = this.cues[at];
    if (!cue || !this.hasVideoTarget) return;
    this.videoTarget.currentTime = cue.beginMs / 1000 + 0.001;
    if (play) void this.videoTarget.play().catch(() => undefined);
    this.heard();
  }

  private toggle(): void {
    if (!this.hasVideoTarget) return;
    if (this.videoTarget.paused) void this.videoTarget.play().catch(() => undefined);
    else this.videoTarget.pause();
  }

  // the rows

  scrolled(): void {
    cancelAnimationFrame(this.asked);
    this.asked = requestAnimationFrame(() => this.draw());
  }

  private measure(): void {
    const px = parseFloat(getComputedStyle(this.listTarget).getPropertyValue("--cue-row"));
    this.rowPx = px > 0 ? px : 140;
    this.draw();
  }

  private reveal(at: number): void {
    const top = at * this.rowPx;
    const { scrollTop, clientHeight } = this.listTarget;
    if (top >= scrollTop && top + this.rowPx <= scrollTop + clientHeight) return;
    this.listTarget.scrollTop = Math.max(0, top - (clientHeight - this.rowPx) / 2);
  }

  private draw(): void {
    const cues = this.cues;
    this.sheetTarget.style.blockSize = `${cues.length * this.rowPx}px`;
    const [first, last] = inWindow(this.listTarget.scrollTop, this.listTarget.clientHeight || 600, this.rowPx, cues.length);
    const wanted = new Set<number>();
    for (const cue of cues.slice(first, last)) wanted.add(cue.id);
    const free: HTMLElement[] = [];
    for (const [id, row] of this.shown) {
      if (wanted.has(id)) continue;
      const at = row.contains(document.activeElement) ? cues.findIndex((cue) => cue.id === id) : -1;
      if (at >= 0) this.fill(row, cues[at] as Cue, at); // somebody writes here: it stays, out of sight
      else {
        free.push(row);
        this.shown.delete(id);
      }
    }
    for (let at = first; at < last; at += 1) {
      const cue = cues[at] as Cue;
      this.fill(this.shown.get(cue.id) ?? this.make(cue.id, free.pop()), cue, at);
    }
    for (const row of free) row.remove();
    this.countTarget.textContent = this.word("count", { n: String(cues.length) });
    this.emptyTarget.hidden = cues.length > 0;
    this.undoTarget.disabled = !this.history.undoable;
    this.redoTarget.disabled = !this.history.redoable;
    this.saveTarget.disabled = this.saving || !this.dirty;
    if (!this.saving) this.stateTarget.textContent = this.word(this.dirty ? "unsaved" : "saved");
  }

  /** A row for the caption `id`: one that went out of sight, or a new one. */
  private make(id: number, used?: HTMLElement): HTMLElement {
    const row = used ?? ((this.rowTarget.content.firstElementChild as HTMLElement).cloneNode(true) as HTMLElement);
    row.dataset["id"] = String(id);
    if (!used) this.sheetTarget.append(row);
    this.shown.set(id, row);
    return row;
  }

  private fill(row: HTMLElement, cue: Cue, at: number): void {
    row.style.transform = `translateY(${at * this.rowPx}px)`;
    row.setAttribute("aria-posinset", String(at + 1));
    row.setAttribute("aria-setsize", String(this.cues.length));
    row.classList.toggle("cue-row--heard", cue.id === this.heardId);
    const part = <T extends HTMLElement>(name: string) => row.querySelector(`[data-part="${name}"]`) as T;
    part("number").textContent = String(at + 1);
    const field = (name: string, value: string) => {
      const input = part<HTMLInputElement>(name);
      if (input.value !== value && !(input === document.activeElement && name !== "text")) input.value = value;
    };
    field("begin", showTime(cue.beginMs));
    field("end", showTime(cue.endMs));
    field("text", cue.text);
    const found = warnings(this.cues, at, this.given.durationMs);
    const line = found.map((code) => this.word(`warn_${code}`)).join(" ");
    part("warning").textContent = line;
    row.classList.toggle("cue-row--warned", found.length > 0);
    part<HTMLButtonElement>("merge").disabled = at === this.cues.length - 1;
  }

  private change(next: Cue[], tag = ""): void {
    if (!this.history.to(next, tag)) return;
    this.draw();
    this.heardTarget.textContent = this.cues[cueAt(this.cues, this.nowMs)]?.text ?? "";
    window.clearTimeout(this.draftTimer);
    this.draftTimer = window.setTimeout(() => this.keepDraft(), DRAFT_AFTER_MS);
  }

  private place(element: EventTarget | null): number {
    const row = (element as HTMLElement | null)?.closest?.("[data-id]") as HTMLElement | null;
    return row ? this.cues.findIndex((cue) => cue.id === Number(row.dataset["id"])) : -1;
  }

  /** input: words as they are typed. */
  typed(event: Event): void {
    const area = event.target as HTMLTextAreaElement;
    const at = this.place(area);
    if (area.dataset["part"] !== "text" || at < 0) return;
    this.change(withText(this.cues, at, area.value.replace(/\n{2,}/g, "\n")), `text ${this.cues[at]?.id}`);
  }

  /** change: a time that was typed. */
  timed(event: Event): void {
    const input = event.target as HTMLInputElement;
    const at = this.place(input);
    const side = input.dataset["part"];
    if (at < 0 || (side !== "begin" && side !== "end")) return;
    const ms = readTime(input.value);
    if (ms === null) this.say("badTime");
    else this.change(withTime(this.cues, at, side, ms, this.given.durationMs));
    const cue = this.cues[at] as Cue;
    input.value = showTime(side === "begin" ? cue.beginMs : cue.endMs);
  }

  /** click: the buttons of a row (data-do), or the row itself: hear it. */
  pressed(event: Event): void {
    const at = this.place(event.target);
    if (at < 0) return;
    const button = (event.target as HTMLElement).closest("[data-do]") as HTMLElement | null;
    if (button) this.do(button.dataset["do"] as string, at);
    else if (!(event.target as HTMLElement).closest("input")) this.jump(at, false);
  }

  private do(what: string, at: number): void {
    const cue = this.cues[at];
    if (!cue) return;
    const { durationMs } = this.given;
    const [side, step] = what.split(" ");
    if (what === "play") this.jump(at, true);
    else if (what === "split") this.divide(at);
    else if (what === "merge") this.change(merge(this.cues, at));
    else if (what === "add") this.add(at);
    else if (what === "remove") {
      this.change(without(this.cues, at));
      this.say("removed");
    } else if (side === "begin" || side === "end") {
      const was = side === "begin" ? cue.beginMs : cue.endMs;
      const ms = step === "now" ? this.nowMs : was + (step === "less" ? -NUDGE_MS : NUDGE_MS);
      if (ms >= 0 || step !== "now") this.change(withTime(this.cues, at, side, ms, durationMs));
    }
  }

  private divide(at: number): void {
    const row = this.shown.get(this.cues[at]?.id ?? 0);
    const area = row?.querySelector<HTMLTextAreaElement>("[data-part=text]");
    const now = this.hasVideoTarget && this.videoTarget.paused && this.videoTarget.currentTime > 0 ? this.nowMs : -1;
    this.change(split(this.cues, at, area === document.activeElement ? (area?.selectionStart ?? 0) : 0, now));
  }

  private add(at: number): void {
    this.change(insertAfter(this.cues, at, this.given.durationMs));
    this.write(at + 1);
  }

  addNow(): void {
    const [next, at] = insertAt(this.cues, this.nowMs, this.given.durationMs);
    this.change(next);
    this.write(at);
  }

  private write(at: number): void {
    const cue = this.cues[at];
    if (!cue) return;
    this.reveal(at);
    this.draw();
    this.shown.get(cue.id)?.querySelector<HTMLTextAreaElement>("[data-part=text]")?.focus({ preventScroll: true });
  }

  nextTrouble(): void {
    const from = this.place(document.activeElement) + 1;
    const order = [...this.cues.keys()].map((step) => (from + step) % this.cues.length);
    const at = order.find((place) => warnings(this.cues, place, this.given.durationMs).length > 0);
    if (at === undefined) this.say("noTrouble");
    else this.write(at);
  }

  undo(): void {
    if (this.history.undo()) this.afterUndo();
  }

  redo(): void {
    if (this.history.redo()) this.afterUndo();
  }

  private afterUndo(): void {
    this.draw();
    this.keepDraft();
  }

  keys(event: KeyboardEvent): void {
    const at = this.place(event.target);
    const key = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && !event.altKey && key === "s") this.save();
    else if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && at >= 0) this.divide(at);
    else if (!event.altKey || event.ctrlKey || event.metaKey) return;
    else if (event.code === "KeyP") this.toggle();
    else if (event.code === "KeyJ" && at >= 0) this.jump(at, true);
    else if (event.code === "ArrowDown") this.write(Math.min(this.cues.length - 1, at + 1));
    else if (event.code === "ArrowUp") this.write(Math.max(0, at - 1));
    else if (event.code === "BracketLeft" && at >= 0) this.do("begin now", at);
    else if (event.code === "BracketRight" && at >= 0) this.do("end now", at);
    else if (event.code === "KeyZ" && event.shiftKey) this.redo();
    else if (event.code === "KeyZ") this.undo();
    else return;
    event.preventDefault();
  }

  // find and replace

  look(): void {
    const found = find(this.cues, this.findTarget.value);
    this.matchesTarget.textContent = this.findTarget.value ? this.word("matches", { n: String(found.length) }) : "";
    this.match = null;
  }

  next(): void {
    const found = find(this.cues, this.findTarget.value);
    const last = this.match;
    const match = found.find((one) => !last || one.at > last.at || (one.at === last.at && one.place > last.place)) ?? found[0];
    this.matchesTarget.textContent = this.word("matches", { n: String(found.length) });
    if (!match) return;
    this.match = match;
    this.write(match.at);
    const area = this.shown.get(this.cues[match.at]?.id ?? 0)?.querySelector<HTMLTextAreaElement>("[data-part=text]");
    area?.setSelectionRange(match.place, match.place + this.findTarget.value.length);
  }

  replace(): void {
    const found = find(this.cues, this.findTarget.value);
    const match = found.find((one) => one.at === this.match?.at && one.place === this.match.place);
    if (match) this.change(replaceOne(this.cues, match, this.findTarget.value, this.insteadTarget.value));
    this.next();
  }

  replaceEvery(): void {
    const count = find(this.cues, this.findTarget.value).length;
    this.change(replaceAll(this.cues, this.findTarget.value, this.insteadTarget.value));
    this.matchesTarget.textContent = this.word("replaced", { n: String(count) });
  }

  entered(event: KeyboardEvent): void {
    if (event.key !== "Enter") return;
    event.preventDefault();
    this.next();
  }

  // keeping

  save(): void {
    if (this.dirty && !this.saving) void this.send(this.revision);
  }

  /** After a conflict: what the other saved becomes an earlier text. */
  overwrite(): void {
    if (this.overRevision !== null) void this.send(this.overRevision);
  }

  private async send(revision: number): Promise<void> {
    const sent = this.cues;
    this.saving = true;
    this.stateTarget.textContent = this.word("saving");
    this.saveTarget.disabled = true;
    this.keepDraft();
    try {
      const answer = await fetch(this.given.saveUrl, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRFToken": this.token() },
        body: JSON.stringify({ revision, cues: toSend(sent) }),
        credentials: "same-origin",
      });
      const said = (await answer.json().catch(() => ({}))) as { revision?: number; message?: string };
      this.saving = false;
      if (answer.ok && typeof said.revision === "number") {
        this.revision = said.revision;
        this.saved = sent;
        this.overRevision = null;
        this.conflictTarget.hidden = true;
        if (this.dirty) this.keepDraft();
        else this.forgetDraft();
        this.draw();
      } else if (answer.status === 409) {
        this.overRevision = said.revision ?? 0;
        this.conflictTextTarget.textContent = said.message ?? "";
        this.conflictTarget.hidden = false;
        this.draw();
        this.conflictTarget.focus();
      } else this.failed(said.message ?? this.word("failed"));
    } catch (error) {
      console.debug("captions were not saved", error);
      this.failed(this.word("offline"));
    }
  }

  private failed(words: string): void {
    this.saving = false;
    this.draw();
    this.stateTarget.textContent = words;
  }

  takeDraft(): void {
    if (this.draft) this.change(received(this.draft.cues));
    this.draftTarget.hidden = true;
    this.draft = null;
  }

  dropDraft(): void {
    this.draft = null;
    this.draftTarget.hidden = true;
    if (!this.dirty) this.forgetDraft();
  }

  private get mark(): string {
    return `cue-draft:${this.given.asset}:${this.given.lang}`;
  }

  private stored(): string | null {
    try {
      return localStorage.getItem(this.mark);
    } catch {
      return null; // storage is switched off: saving on the server is all there is
    }
  }

  private keepDraft(): void {
    if (this.draft) return; // an earlier one waits for its answer
    window.clearTimeout(this.draftTimer);
    if (!this.dirty) return this.forgetDraft();
    const draft: Draft = { revision: this.revision, at: Date.now(), cues: toSend(this.cues) };
    try {
      localStorage.setItem(this.mark, JSON.stringify(draft));
    } catch (error) {
      console.debug("no copy in this browser", error);
    }
  }

  private forgetDraft(): void {
    try {
      localStorage.removeItem(this.mark);
    } catch (error) {
      console.debug("no copy in this browser", error);
    }
  }

  private token(): string {
    return this.plainTarget.querySelector<HTMLInputElement>("[name=csrfmiddlewaretoken]")?.value ?? "";
  }

  private say(name: string): void {
    this.liveTarget.textContent = this.word(name);
  }

  private word(name: string, values: Record<string, string> = {}): string {
    return (this.given.words[name] ?? name).replace(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole);
  }
}
