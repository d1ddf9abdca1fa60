/**
 * Uploads one lecture in resumable pieces (tus 1.0) and says how far it is. A broken connection is
 * waited out; the same file chosen again, even after the page was closed, goes on where it stopped.
 * Each piece carries its sha256 where the browser can reckon one (https or this machine), so that a piece
 * that was damaged on the way is sent again. What is no video, or too large, is said before a byte goes.
 * When the last byte has arrived it announces `lecture-upload:done` with an `Uploaded`.
 *
 *   <div data-controller="lecture-upload" data-lecture-upload-begin-url-value="/admin/lectures/begin/" …texts…>
 *     <div data-lecture-upload-target="choose"><input type="file" data-lecture-upload-target="file"
 *          data-action="lecture-upload#chosen"></div>
 *     <div data-lecture-upload-target="progress" hidden> name, amount, bar > fill, line, pause, resume </div>
 *     <div data-lecture-upload-target="refusal" hidden> refusedName, refusedReason </div>
 *   </div>
 *
 * The whole of it: templates/catalogue_admin/_upload.html.
 */
import { Controller } from "@hotwired/stimulus";
import type { Upload } from "tus-js-client";
import { Pieces } from "../study/upload_pieces";
import type { Uploaded } from "./lecture_cards";

const PIECE_BYTES = 4 * 1024 * 1024; // what a broken or refused request costs at most
const RETRY_MS = [0, 1000, 3000, 5000, 10000, 20000, 30000, 60000];

/** Answers after which sending again would not help: gone, no right, too big, not wanted. */
const FINAL = [403, 404, 410, 412, 413, 415, 422];

interface Begun extends Uploaded {
  upload_url: string;
}

class Refused extends Error {}

export class LectureUploadController extends Controller<HTMLElement> {
  static override targets = [
    "choose", "file", "projection", "progress", "name", "amount", "bar", "fill", "line",
    "pause", "resume", "refusal", "refusedName", "refusedReason",
  ];
  static override values = {
    beginUrl: String, largest: Number, noLectures: String, tooBig: String, wrongKind: String, uploading: String, of: String, left: String,
    offline: String, paused: String, failed: String,
  };
  declare readonly chooseTarget: HTMLElement;
  declare readonly fileTarget: HTMLInputElement;
  declare readonly projectionTarget: HTMLSelectElement;
  declare readonly hasProjectionTarget: boolean;
  declare readonly progressTarget: HTMLElement;
  declare readonly nameTarget: HTMLElement;
  declare readonly amountTarget: HTMLElement;
  declare readonly barTarget: HTMLElement;
  declare readonly fillTarget: HTMLElement;
  declare readonly lineTarget: HTMLElement;
  declare readonly pauseTarget: HTMLElement;
  declare readonly resumeTarget: HTMLElement;
  declare readonly refusalTarget: HTMLElement;
  declare readonly refusedNameTarget: HTMLElement;
  declare readonly refusedReasonTarget: HTMLElement;
  declare readonly beginUrlValue: string;
  declare readonly largestValue: number;
  declare readonly noLecturesValue: string;
  declare readonly tooBigValue: string;
  declare readonly wrongKindValue: string;
  declare readonly uploadingValue: string;
  declare readonly ofValue: string;
  declare readonly leftValue: string;
  declare readonly offlineValue: string;
  declare readonly pausedValue: string;
  declare readonly failedValue: string;

  private upload: Upload | null = null;
  private file: File | null = null;
  private begun: Begun | null = null;
  private startedAt = 0;
  private startedWith = 0;

  override connect(): void {
    window.addEventListener("online", this.online);
    window.addEventListener("beforeunload", this.leaving);
  }

  override disconnect(): void {
    window.removeEventListener("online", this.online);
    window.removeEventListener("beforeunload", this.leaving);
    void this.upload?.abort();
  }

  over(event: DragEvent): void {
    event.preventDefault();
    this.element.classList.add("lecture-upload--over");
  }

  out(): void {
    this.element.classList.remove("lecture-upload--over");
  }

  drop(event: DragEvent): void {
    event.preventDefault();
    this.out();
    const file = event.dataTransfer?.files[0];
    if (file && !this.upload) void this.take(file);
  }

  chosen(): void {
    const file = this.fileTarget.files?.[0];
    this.fileTarget.value = "";
    if (file && !this.upload) void this.take(file);
  }

  pause(): void {
    void this.upload?.abort();
    this.waiting(this.pausedValue);
  }

  resume(): void {
    if (!this.upload) return;
    this.pauseTarget.hidden = false;
    this.resumeTarget.hidden = true;
    this.lineTarget.textContent = this.uploadingValue;
    this.startedAt = 0;
    this.upload.start();
  }

  cancel(): void {
    void this.upload?.abort(true).catch(() => undefined); // what is left on the server is swept there
    this.forget();
    this.reset();
  }

  private readonly online = (): void => {
    if (this.upload && !this.resumeTarget.hidden && this.lineTarget.textContent === this.offlineValue) this.resume();
  };

  private readonly leaving = (event: BeforeUnloadEvent): void => {
    if (this.upload) event.preventDefault();
  };

  private async take(file: File): Promise<void> {
    this.file = file;
    this.refusalTarget.hidden = true;
    const against = unfit(file, this.largestValue, this.noLecturesValue);
    if (against) {
      this.refuse(against === "kind" ? this.wrongKindValue : this.tooBigValue);
      return;
    }
    this.chooseTarget.hidden = true;
    this.progressTarget.hidden = false;
    this.pauseTarget.hidden = false;
    this.resumeTarget.hidden = true;
    this.nameTarget.textContent = file.name;
    this.lineTarget.textContent = this.uploadingValue;
    this.showProgress(0, file.size);
    const known = this.remembered();
    try {
      this.begun = known ?? (await this.begin(file));
    } catch (error) {
      this.refuse(error instanceof Refused ? error.message : this.failedValue);
      return;
    }
    await this.send(file, known !== null);
  }

  /** Asks the server whether it wants this file; it answers with the address to send it to. */
  private async begin(file: File): Promise<Begun> {
    const answer = await fetch(this.beginUrlValue, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
      body: JSON.stringify({
        name: file.name,
        size_bytes: file.size,
        projection: this.hasProjectionTarget ? this.projectionTarget.value : "",
      }),
    });
    const said = (await answer.json().catch(() => ({}))) as Begun & { message?: string };
    if (!answer.ok) throw new Refused(said.message || this.failedValue);
    localStorage.setItem(this.key, JSON.stringify(said));
    return said;
  }

  private async send(file: File, resumed: boolean): Promise<void> {
    const tus = await import("tus-js-client");
    const begun = this.begun;
    if (!begun) return;
    this.startedAt = 0;
    const pieces = new Pieces();
    this.upload = new tus.Upload(file, {
      fileReader: pieces,
      onBeforeRequest: (request) => pieces.sign(request),
      uploadUrl: new URL(begun.upload_url, window.location.href).href,
      chunkSize: PIECE_BYTES,
      retryDelays: RETRY_MS,
      storeFingerprintForResuming: false,
      headers: { "X-CSRFToken": csrfToken() },
      onProgress: (sent, total) => this.showProgress(sent, total),
      onSuccess: () => {
        this.forget();
        this.reset();
        const { asset, title, card_url, edit_url } = begun;
        this.dispatch("done", { detail: { asset, title, card_url, edit_url } satisfies Uploaded });
      },
      onError: (error) => {
        const answer = error instanceof tus.DetailedError ? error.originalResponse : null;
        const status = answer?.getStatus() ?? 0;
        const said = message(answer?.getBody());
        if (resumed && [403, 404, 410].includes(status)) {
          this.upload = null;
          this.forget();
          void this.take(file);
        } else if (FINAL.includes(status)) {
          this.forget();
          this.refuse(said || this.failedValue);
        } else {
          this.waiting(said || this.offlineValue);
        }
      },
    });
    this.upload.start();
  }

  private showProgress(sent: number, total: number): void {
    const share = total ? sent / total : 0;
    const percent = Math.floor(share * 100);
    this.fillTarget.style.inlineSize = `${percent}%`;
    this.barTarget.setAttribute("aria-valuenow", String(percent));
    this.amountTarget.textContent = fill(this.ofValue, { done: inMegabytes(sent), total: inMegabytes(total) });
    const now = Date.now();
    if (!this.startedAt) {
      this.startedAt = now;
      this.startedWith = sent;
    } else if (now - this.startedAt > 5000 && sent > this.startedWith) {
      const perMs = (sent - this.startedWith) / (now - this.startedAt);
      const minutes = Math.max(1, Math.round((total - sent) / perMs / 60000));
      this.lineTarget.textContent = `${this.uploadingValue} · ${fill(this.leftValue, { minutes: String(minutes) })}`;
    }
  }

  private waiting(line: string): void {
    this.lineTarget.textContent = line;
    this.pauseTarget.hidden = true;
    this.resumeTarget.hidden = false;
  }

  private refuse(reason: string): void {
    const name = this.file?.name ?? "";
    this.reset();
    this.refusedNameTarget.textContent = name;
    this.refusedReasonTarget.textContent = reason;
    this.refusalTarget.hidden = false;
  }

  private reset(): void {
    this.upload = null;
    this.progressTarget.hidden = true;
    this.chooseTarget.hidden = false;
  }

  private get key(): string {
    return `lecture-upload:${this.file?.name}:${this.file?.size}:${this.file?.lastModified}`;
  }

  private remembered(): Begun | null {
    try {
      return JSON.parse(localStorage.getItem(this.key) ?? "null") as Begun | null;
    } catch {
      return null; // somebody else's entry under our key: begin anew
    }
  }

  private forget(): void {
    localStorage.removeItem(this.key);
  }
}

/** Why a file need not be sent at all: its ending, its size, or "" when nothing speaks against it. */
export function unfit(file: { name: string; size: number }, largest: number, endings: string): "kind" | "size" | "" {
  const ending = /\.[^.]+$/.exec(file.name.toLowerCase())?.[0] ?? "";
  if (endings.split(" ").includes(ending)) return "kind";
  return largest && file.size > largest ? "size" : "";
}

/** «{done} of {total}» with its values. */
export function fill(text: string, values: Record<string, string>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}

/** Decimal units as in courses/catalogue/words.py: 412000000 → 412 MB, 1860000000 → 1.86 GB. */
export function inMegabytes(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  if (bytes >= 1e7) return `${(bytes / 1e6).toFixed(0)} MB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** The server's own sentence, if it sent one. */
export function message(body: string | undefined): string {
  try {
    return (JSON.parse(body || "{}") as { message?: string }).message ?? "";
  } catch {
    return ""; // a proxy's page, not ours
  }
}

function csrfToken(): string {
  const config = document.getElementById("wagtail-config")?.textContent;
  return config ? ((JSON.parse(config) as { CSRF_TOKEN?: string }).CSRF_TOKEN ?? "") : "";
}
