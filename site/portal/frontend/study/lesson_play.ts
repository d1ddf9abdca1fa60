/**
 * What the lesson page hands to the player in `<script type="application/json" id="lesson-play">`.
 *
 * Made by the archive (`{% study_config %}`, courses/archive/templatetags); times ending in `_s` are seconds of the lecture.
 */
export type Projection = "FLAT" | "EQUIRECT" | "HALF_EQUIRECT";
export type StereoLayout = "MONO" | "TOP_BOTTOM" | "LEFT_RIGHT";

export interface CaptionTrack {
  lang: string;
  label: string;
  url: string;
}

export interface Playback {
  manifest_url: string;
  dash_url?: string;
  audio_url?: string;
  /** Sound and still pictures. */
  slides_url?: string;
  poster_url?: string;
  storyboard_url?: string;
  /** Chapters as WebVTT. */
  chapters_url?: string;
  captions?: CaptionTrack[];
  projection?: Projection;
  stereo?: StereoLayout;
  vr_url?: string;
  /** Flat views of a sphere: one rendition a direction, `view_yaws` degrees to the right each. */
  views_url?: string;
  view_yaws?: number[];
}

export interface LessonPlay {
  /** Absent for a visitor who isn't signed in: then nothing is recorded. */
  token?: string;
  session?: string;
  expires_at?: string;
  beats_url?: string;
  lease_url?: string;
  /** How the lesson stands (study/reckoning.ts). */
  progress_url?: string;
  beat_seconds?: number;
  batch_max?: number;
  resume_s: number;
  frontier_s: number;
  duration_s: number;
  needed_s?: number;
  completed: boolean;
  speed_cap: number;
  /** May the member jump anywhere? False until the lesson has been completed once. */
  free_seek: boolean;
  /** LECTURE, PANORAMA, AUDIO or READING. */
  kind?: string;
  playback?: Playback | null;
}

/** Reads the page's play data; null when the page has none or it can't be read. */
export function readLessonPlay(page: ParentNode = document): LessonPlay | null {
  const text = page.querySelector("script#lesson-play")?.textContent;
  if (!text) return null;
  const found: unknown = JSON.parse(text);
  return typeof found === "object" && found !== null && "duration_s" in found ? (found as LessonPlay) : null;
}
