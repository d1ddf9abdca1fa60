/**
 * 简易模式: a sphere as eight flat views, one HLS rendition a direction (media_pipeline/vr/views.py). Pure.
 *
 * A view is told by its number in the list of directions, which is also its level in the stream.
 */

/** The number of the view `steps` to the right of view `from`; round and round a whole sphere, to the edge of half a one. */
export function turned(from: number, steps: number, yaws: number[]): number {
  const count = yaws.length;
  if (!count) return 0;
  if (goesRound(yaws)) return (((from + steps) % count) + count) % count;
  return Math.min(Math.max(from + steps, 0), count - 1);
}

/** Whether one comes back to the first view from the last one: the views stand evenly all around. */
export function goesRound(yaws: number[]): boolean {
  return yaws.length > 2 && yaws.every((yaw, index) => yaw === (index * 360) / yaws.length);
}

/** The number of the view that looks straight ahead, or as nearly as there is. */
export function straightAhead(yaws: number[]): number {
  return nearest(0, yaws);
}

/** The number of the view that looks most nearly `yaw` degrees to the right. */
export function nearest(yaw: number, yaws: number[]): number {
  let best = 0;
  yaws.forEach((one, index) => {
    if (apart(one, yaw) < apart(yaws[best] as number, yaw)) best = index;
  });
  return best;
}

/** Which of eight words tells a direction: 0 ahead, 1 ahead to the right, 2 to the right … 7 ahead to the left. */
export function wordOf(yaw: number): number {
  return Math.round((((yaw % 360) + 360) % 360) / 45) % 8;
}

/** A swipe along the picture: to the left turns to the right, as with a picture that one pushes; 0 is none. */
export function swiped(dx: number, dy: number): -1 | 0 | 1 {
  if (Math.abs(dx) < SWIPE_PX || Math.abs(dx) < 1.5 * Math.abs(dy)) return 0;
  return dx < 0 ? 1 : -1;
}

const SWIPE_PX = 40;

function apart(one: number, other: number): number {
  const turn = Math.abs(one - other) % 360;
  return Math.min(turn, 360 - turn);
}
