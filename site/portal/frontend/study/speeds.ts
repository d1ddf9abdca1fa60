/** Which speeds a member may choose. Pure. */
const ALL = [0.75, 1, 1.25, 1.5, 2];

/** All speeds up to the cap; normal speed is always among them. */
export function speeds(cap: number): number[] {
  return ALL.filter((speed) => speed <= Math.max(1, cap));
}

/** The speed that comes true for a wish: a browser or an app around it may have set anything. */
export function heldSpeed(wish: number, cap: number): number {
  return Math.min(Math.max(wish, 0.25), Math.max(1, cap));
}
