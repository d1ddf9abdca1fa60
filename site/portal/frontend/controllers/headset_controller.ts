/**
 * 头显观看: opens the lecture in a headset. Shows itself only where the browser can (WebXR, immersive-vr).
 *
 *   <button data-controller="headset" data-action="headset#open" hidden>…</button>
 */
import { Controller } from "@hotwired/stimulus";
import { tell } from "../study/news";

export default class HeadsetController extends Controller<HTMLButtonElement> {
  override async connect(): Promise<void> {
    const able = await navigator.xr?.isSessionSupported("immersive-vr").catch(() => false);
    if (able) this.element.hidden = false;
  }

  open(): void {
    tell("study:immerse", {});
  }
}
