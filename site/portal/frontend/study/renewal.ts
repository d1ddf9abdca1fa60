/** Fetches fresh play data from a lesson's page: tokens and addresses run out while a page stays open. */
import { readLessonPlay, type LessonPlay } from "./lesson_play";

/** The page's current play data; null when the member has to sign in, or the lesson is no longer there. */
export async function freshPlay(page: string = location.pathname): Promise<LessonPlay | null> {
  const answer = await fetch(page, { credentials: "same-origin", headers: { Accept: "text/html" } });
  if (!answer.ok) return null;
  return readLessonPlay(new DOMParser().parseFromString(await answer.text(), "text/html"));
}
