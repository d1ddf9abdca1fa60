/** Pictures for the preview over the timeline, fetched when somebody first looks for them. */
import { cueAt, parse, tile, type Cue, type Tile } from "./webvtt";

export class Storyboard {
  private cues: Promise<Cue[]> | null = null;

  constructor(private url: string) {}

  /** The picture of a second; null when there is none. */
  async at(positionS: number): Promise<Tile | null> {
    if (!this.url) return null;
    this.cues ??= fetch(this.url)
      .then((answer) => (answer.ok ? answer.text() : ""))
      .then(parse)
      .catch(() => []); // offline: a timeline without pictures
    const cues = await this.cues;
    const cue = cues[cueAt(cues, positionS)];
    return cue ? tile(cue, new URL(this.url, location.href).href) : null;
  }
}
