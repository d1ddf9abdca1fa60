/** What the parts of a lesson page tell each other: events of the window, with these names and details. */
import type { Chapter } from "./chapters";
import type { StudyState } from "./receipt";

export interface News {
  /** The archive's new reckoning; `acknowledgedS` is the furthest second that it has judged. */
  "study:state": { state: StudyState; acknowledgedS: number };
  /** Beats that wait on this phone. */
  "study:queue": { waiting: number; reachable: boolean };
  /** Where the lecture is, about four times a second while it plays. */
  "study:position": { positionS: number };
  /** A wish to go on at a second of the lecture (补看, a line of the transcript, a chapter). */
  "study:seek": { positionS: number };
  /** A wish that it plays. */
  "study:play": Record<string, never>;
  /** A wish to listen only, or to see again. */
  "study:listen": { on: boolean };
  /** It has come true: the lecture runs with or without its picture. */
  "study:listening": { on: boolean };
  /** A wish to see a sphere as flat views in eight directions, or whole again. */
  "study:simplify": { on: boolean };
  /** It has come true: the number of the view that plays, null for the whole sphere. */
  "study:simple": { level: number | null };
  /** Spheres can't be drawn on this device. */
  "study:no-sphere": Record<string, never>;
  /** Where one looks in a sphere, in degrees to the right. */
  "study:looking": { yaw: number };
  /** A wish for sound and slides only, or for the whole picture again; and that it has come true. */
  "study:thrift": { on: boolean };
  "study:thrifty": { on: boolean };
  /** A wish to see the lecture in a headset. */
  "study:immerse": Record<string, never>;
  /** Words for the member, shown on the picture for a moment. */
  "study:notice": { words: string };
  /** An immersive session has begun or ended. */
  "study:immersed": { on: boolean };
  /** Another device goes on with this member's study. */
  "study:lease-lost": { message: string };
  /** The archive doesn't take beats for this lesson. */
  "study:refused": { code: string; message: string };
  /** The member must sign in again. */
  "study:signed-out": Record<string, never>;
  /** A person wants to go on here. */
  "study:take-lease": Record<string, never>;
  "study:lease-taken": { frontierS: number; free: boolean };
  /** The lecture's captions have been read. */
  "study:captions": { cues: { startS: number; endS: number; text: string }[] };
  /** The lecture's chapters have been read. */
  "study:chapters": { chapters: Chapter[] };
}

export function tell<Name extends keyof News>(name: Name, detail: News[Name]): void {
  window.dispatchEvent(new CustomEvent(name, { detail }));
}

export function hear<Name extends keyof News>(name: Name, heard: (detail: News[Name]) => void): () => void {
  const listener = (event: Event) => heard((event as CustomEvent<News[Name]>).detail);
  window.addEventListener(name, listener);
  return () => window.removeEventListener(name, listener);
}
