/** Names qualities in words instead of bit-rates, and picks a ceiling when data is dear. Pure. */
export type QualityName = "smooth" | "standard" | "high";

/** What the stream offers: one rendition. */
export interface Level {
  height: number;
  /** Bits a second. */
  bitrate: number;
  /** As the manifest says, e.g. avc1.64001f; levels of several codecs may have one size. */
  codec?: string;
}

export interface Quality {
  name: QualityName;
  /** Index into the levels that were given. */
  level: number;
  /** Megabytes for one minute, one decimal. */
  megabytesPerMinute: number;
}

const ORDER: QualityName[] = ["smooth", "standard", "high"];

/** 流畅 up to 400 lines, 标清 up to 600, 高清 above. A sphere spreads its lines all around, so it has other bounds. */
export function nameOf(height: number, sphere = false): QualityName {
  const [smooth, standard] = sphere ? [1000, 1600] : [400, 600];
  if (height <= smooth) return "smooth";
  return height <= standard ? "standard" : "high";
}

/** One quality a name, the best of its name, from 流畅 to 高清; one alone needs no menu, so none is returned. */
export function qualities(levels: Level[], sphere = false): Quality[] {
  const best = new Map<QualityName, Quality>();
  levels.forEach((level, index) => {
    const name = nameOf(level.height, sphere);
    const known = best.get(name);
    if (known && (levels[known.level]?.bitrate ?? 0) >= level.bitrate) return;
    best.set(name, { name, level: index, megabytesPerMinute: Math.round((level.bitrate * 60) / 8 / 100_000) / 10 });
  });
  const named = ORDER.flatMap((name) => best.get(name) ?? []);
  return named.length > 1 ? named : [];
}

/** One level a size, H.264 where there is a choice: a person chooses a picture, not a codec. Indices of `levels`. */
export function oneOfEachSize(levels: Level[]): number[] {
  const found = new Map<number, number>();
  levels.forEach((level, index) => {
    const known = levels[found.get(level.height) ?? -1];
    if (!known || (family(level) === "avc1" && (family(known) !== "avc1" || known.bitrate < level.bitrate))) {
      found.set(level.height, index);
    }
  });
  return [...found.values()].sort((a, b) => a - b);
}

/** The level of the same size as `wanted` in the codec that plays now, so that a choice changes no decoder. */
export function inTheSameCodec(levels: Level[], wanted: number, playing: number): number {
  const wish = levels[wanted];
  const now = levels[playing];
  if (!wish || !now || family(wish) === family(now)) return wanted;
  const found = levels.findIndex((level) => level.height === wish.height && family(level) === family(now));
  return found < 0 ? wanted : found;
}

function family(level: Level): string {
  return level.codec?.split(".")[0] ?? "avc1";
}

export interface Connection {
  saveData?: boolean;
  type?: string;
}

/** The highest level that 自动 may choose: on a phone's paid data no more than 标清. Null = no ceiling. */
export function ceiling(levels: Level[], connection: Connection | undefined, sphere = false): number | null {
  if (!connection || !(connection.saveData || connection.type === "cellular")) return null;
  let found: number | null = null;
  let lowest = 0;
  levels.forEach((level, index) => {
    if (level.bitrate < (levels[lowest]?.bitrate ?? 0)) lowest = index;
    if (nameOf(level.height, sphere) === "high") return;
    if (found === null || level.bitrate > (levels[found]?.bitrate ?? 0)) found = index;
  });
  return found ?? lowest;
}
