/**
 * How far a member may jump: before a lesson is completed for the first time, no further than has been studied.
 *
 * The archive decides what counts; this only keeps a member from spending time on what would not (domain rules §1.7).
 */
export interface SeekRule {
  /** May jump anywhere. */
  free: boolean;
  /** Furthest second that has been studied without a break. */
  frontierS: number;
  durationS: number;
}

/** Seconds that the playhead may run ahead of the acknowledged frontier before it is led back. */
export const TOLERANCE_S = 3;

export interface Landing {
  positionS: number;
  /** True when the wish went beyond the frontier and was cut. */
  held: boolean;
}

/** Where a wish to jump to `wishS` lands. */
export function land(wishS: number, rule: SeekRule): Landing {
  const inside = Math.min(Math.max(0, wishS), Math.max(0, rule.durationS));
  const held = !rule.free && inside > rule.frontierS + 0.5;
  return { positionS: held ? rule.frontierS : inside, held };
}

/** The frontier after the playhead ran forward from `fromS` to `toS`: it moves only when it was touched. */
export function pushed(rule: SeekRule, fromS: number, toS: number): number {
  const touches = fromS <= rule.frontierS + TOLERANCE_S && toS > rule.frontierS;
  return touches ? toS : rule.frontierS;
}

/**
 * Where to lead the member back to, once every beat is acknowledged and the archive's frontier lies behind the last
 * one: the seconds between did not count. Null when all is well.
 */
export function leadBack(acknowledgedS: number, playheadS: number, archiveFrontierS: number, free: boolean): number | null {
  if (free || acknowledgedS <= archiveFrontierS + TOLERANCE_S || playheadS <= archiveFrontierS) return null;
  return archiveFrontierS;
}
