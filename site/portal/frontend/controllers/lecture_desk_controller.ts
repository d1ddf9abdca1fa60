/**
 * The top of 授课视频: every finished upload leaves a live card here, newest first.
 *
 *   <div data-controller="lecture-desk" data-action="lecture-upload:done->lecture-desk#uploaded">
 *     …the upload panel…
 *     <div data-lecture-desk-target="cards"></div>
 *   </div>
 */
import { Controller } from "@hotwired/stimulus";
import { liveCard, type Uploaded } from "./lecture_cards";

export class LectureDeskController extends Controller<HTMLElement> {
  static override targets = ["cards"];
  declare readonly cardsTarget: HTMLElement;

  uploaded(event: CustomEvent<Uploaded>): void {
    this.cardsTarget.prepend(liveCard(`${event.detail.card_url}?do=1`));
  }
}
