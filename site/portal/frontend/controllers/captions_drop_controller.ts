/**
 * A captions file may be dropped anywhere on its form.
 *
 *   <form data-controller="captions-drop" data-action="dragover->captions-drop#over dragleave->captions-drop#out
 *         drop->captions-drop#drop"> <input type="file" data-captions-drop-target="file"> </form>
 */
import { Controller } from "@hotwired/stimulus";

export class CaptionsDropController extends Controller<HTMLElement> {
  static override targets = ["file"];
  declare readonly fileTarget: HTMLInputElement;

  over(event: DragEvent): void {
    event.preventDefault();
    this.element.classList.add("captions-way--over");
  }

  out(): void {
    this.element.classList.remove("captions-way--over");
  }

  drop(event: DragEvent): void {
    event.preventDefault();
    this.out();
    if (event.dataTransfer?.files.length) this.fileTarget.files = event.dataTransfer.files;
  }
}
