/**
 * The lecture block of the page editor: puts an uploaded file into Wagtail's chooser widget and shows
 * under it how far the chosen lecture is. `card-url` holds /0/ in the place of the lecture's id.
 *
 *   <div data-controller="lecture-chooser" data-lecture-chooser-card-url-value="/admin/lectures/0/card/"
 *        data-action="lecture-upload:done->lecture-chooser#uploaded change->lecture-chooser#changed">
 *     <div class="chooser" …>…</div><input type="hidden" …>     (Wagtail's chooser)
 *     <div data-lecture-chooser-target="card"></div>
 *     …the upload panel…
 *   </div>
 */
import { Controller } from "@hotwired/stimulus";
import { liveCard, type Uploaded } from "./lecture_cards";

/** What Wagtail's Chooser leaves on its root element (client/src/components/ChooserWidget). */
interface ChooserElement extends HTMLElement {
  widget?: { setState(state: { id: number; title: string; edit_url: string }): void };
}

export class LectureChooserController extends Controller<HTMLElement> {
  static override targets = ["card"];
  static override values = { cardUrl: String };
  declare readonly cardTarget: HTMLElement;
  declare readonly cardUrlValue: string;
  private shown = "";

  override connect(): void {
    this.show();
  }

  changed(event: Event): void {
    if (event.target === this.input) this.show();
  }

  uploaded(event: CustomEvent<Uploaded>): void {
    const { asset, title, edit_url } = event.detail;
    this.element.querySelector<ChooserElement>(".chooser")?.widget?.setState({ id: asset, title, edit_url });
    this.show();
  }

  private get input(): HTMLInputElement | null {
    return this.element.querySelector('input[type="hidden"]');
  }

  private show(): void {
    const id = this.input?.getAttribute("value") ?? "";
    if (id === this.shown) return;
    this.shown = id;
    this.element.classList.toggle("lecture-chooser--chosen", id !== "");
    this.cardTarget.replaceChildren();
    if (id) this.cardTarget.append(liveCard(this.cardUrlValue.replace("/0/", `/${id}/`)));
  }
}
