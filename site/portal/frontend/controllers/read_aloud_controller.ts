/**
 * 朗读: reads a part of the page aloud with the phone's own voice. Hides itself where there is no voice to read with.
 *
 *   <button data-controller="read-aloud" data-action="read-aloud#toggle" data-read-aloud-from-value="#lesson-text"
 *           data-read-aloud-stop-text-value="Stop reading" hidden>
 *     <svg…/> <span data-read-aloud-target="label">Read aloud</span>
 *   </button>
 */
import { Controller } from "@hotwired/stimulus";
import { sentences } from "../study/sentences";

export default class ReadAloudController extends Controller<HTMLButtonElement> {
  static override targets = ["label"];
  static override values = { from: String, stopText: String };
  declare readonly labelTarget: HTMLElement;
  declare readonly fromValue: string;
  declare readonly stopTextValue: string;

  private readText = "";
  private reading = 0;
  private fit = () => {
    this.element.hidden = !this.voice || !this.words.length;
  };

  override connect(): void {
    if (!("speechSynthesis" in window)) return;
    this.readText = this.labelTarget.textContent ?? "";
    this.fit();
    speechSynthesis.addEventListener?.("voiceschanged", this.fit);
  }

  override disconnect(): void {
    if (!("speechSynthesis" in window)) return;
    speechSynthesis.removeEventListener?.("voiceschanged", this.fit);
    this.stop();
  }

  toggle(): void {
    if (this.reading) this.stop();
    else this.read();
  }

  private read(): void {
    const turn = (this.reading = Date.now());
    const { voice, words } = this;
    const show = (on: boolean) => {
      this.element.setAttribute("aria-pressed", String(on));
      this.labelTarget.textContent = on ? this.stopTextValue : this.readText;
    };
    show(true);
    words.forEach((sentence, index) => {
      const spoken = new SpeechSynthesisUtterance(sentence);
      spoken.lang = voice?.lang ?? "zh-CN";
      if (voice) spoken.voice = voice;
      spoken.rate = 0.95;
      if (index === words.length - 1) {
        spoken.onend = () => {
          if (this.reading === turn) this.stop();
        };
      }
      speechSynthesis.speak(spoken);
    });
  }

  private stop(): void {
    this.reading = 0;
    speechSynthesis.cancel();
    this.element.setAttribute("aria-pressed", "false");
    if (this.readText) this.labelTarget.textContent = this.readText;
  }

  private get words(): string[] {
    const parts = this.fromValue ? document.querySelectorAll<HTMLElement>(this.fromValue) : [];
    return [...parts].flatMap((part) => sentences(part.innerText ?? ""));
  }

  /** A voice of the page's own language; another one would read Chinese as noise. */
  private get voice(): SpeechSynthesisVoice | undefined {
    const language = (document.documentElement.lang || "zh").slice(0, 2).toLowerCase();
    const fitting = speechSynthesis.getVoices().filter((voice) => voice.lang.toLowerCase().startsWith(language));
    return fitting.find((voice) => voice.localService) ?? fitting[0];
  }
}
