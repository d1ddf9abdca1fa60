/**
 * The pieces that tus-js-client cuts from a file, and the checksum of the one that is about to go
 * (tus 1.0, extension «checksum»: `Upload-Checksum: sha256 <base64>`). Without WebCrypto (plain http on
 * another machine) pieces go unsigned; the server then has only TCP's word for them, as before.
 */
import type { FileReader as TusReader, FileSource, HttpRequest } from "tus-js-client";

export class Pieces implements TusReader {
  private next: Blob | null = null;

  async openFile(input: File | Blob): Promise<FileSource> {
    return {
      size: input.size,
      slice: async (start: number, end: number) => {
        const value = input.slice(start, end);
        this.next = value;
        return { value, size: value.size, done: end >= input.size };
      },
      close: () => {
        this.next = null;
      },
    };
  }

  /** Put the checksum of the piece into the request that carries it. */
  async sign(request: Pick<HttpRequest, "getMethod" | "setHeader">): Promise<void> {
    const piece = this.next;
    if (request.getMethod() !== "PATCH" || !piece || !globalThis.crypto?.subtle) return;
    this.next = null;
    const digest = await crypto.subtle.digest("SHA-256", await piece.arrayBuffer());
    request.setHeader("Upload-Checksum", `sha256 ${btoa(String.fromCharCode(...new Uint8Array(digest)))}`);
  }
}
