/**
 * Brings a lecture into a <video>: hls.js where the browser has Media Source Extensions, the browser's own HLS
 * otherwise (iPhones; Chromium plays HLS itself too, but offers neither captions nor qualities there).
 *
 * hls.js is loaded when the first lecture is, not with the page.
 */
import type HlsType from "hls.js";
import { ceiling, inTheSameCodec, oneOfEachSize, type Connection, type Level } from "./quality";

export interface Wish {
  url: string;
  startS: number;
  sphere: boolean;
  /** The one level to play (views of a sphere); the engine chooses by itself without it. */
  level?: number;
}

export interface Reports {
  /** Renditions are known (none when the browser chooses by itself). */
  onLevels(levels: Level[]): void;
  /** The address is no longer good (its token has run out). */
  onExpired(): void;
  /** It can't be played here. */
  onBroken(detail: string): void;
}

export interface Engine {
  /** Plays one level from now on; null lets the engine choose. */
  choose(level: number | null): void;
  /** Tries at once what failed for want of a network. */
  wake(): void;
  destroy(): void;
}

/** Starts fetching the code that `attach` will need; on a member's paid data only when it is needed. */
export function warmUp(): void {
  const { connection } = navigator as Navigator & { connection?: Connection };
  if (connection?.saveData || connection?.type === "cellular") return;
  loadHls().catch((error: unknown) => console.debug("asked for again when the lecture begins", error));
}

/** The network did not bring the code that plays; it can be asked for again. */
export class NotReached extends Error {}

/**
 * Loads the lecture so that it begins at `startS`; whoever calls says when to play.
 * Rejects with NotReached.
 */
export async function attach(video: HTMLVideoElement, wish: Wish, reports: Reports): Promise<Engine> {
  const playlist = new URL(wish.url, location.href).pathname.endsWith(".m3u8");
  if (!playlist) return native(video, wish, reports);
  const Hls = await loadHls();
  return Hls.isSupported() ? streamed(Hls, video, wish, reports) : native(video, wish, reports);
}

let loading: Promise<typeof HlsType> | null = null;

function loadHls(): Promise<typeof HlsType> {
  loading ??= import("hls.js").then(
    (module) => module.default,
    (error: unknown) => {
      loading = null;
      throw new NotReached("hls.js", { cause: error });
    },
  );
  return loading;
}

const GONE = [401, 403, 404, 410];

function streamed(Hls: typeof HlsType, video: HTMLVideoElement, wish: Wish, reports: Reports): Engine {
  const hls = new Hls({
    startPosition: wish.startS,
    capLevelToPlayerSize: !wish.sphere,
    maxBufferLength: 30,
    maxMaxBufferLength: 60,
    backBufferLength: 60,
    enableWebVTT: false,
    enableCEA708Captions: false,
    enableIMSC1: false,
  });
  let recoveries = 0;
  let waits: number | undefined;
  let offered: number[] = [];
  const known = (): Level[] => hls.levels.map(({ height, bitrate, videoCodec }) => ({ height, bitrate, codec: videoCodec }));
  hls.on(Hls.Events.MANIFEST_PARSED, () => {
    const levels = known();
    const connection = (navigator as Navigator & { connection?: Connection }).connection;
    const cap = ceiling(levels, connection, wish.sphere);
    if (cap !== null) hls.autoLevelCapping = cap;
    offered = oneOfEachSize(levels);
    reports.onLevels(offered.length > 1 ? offered.map((index) => levels[index] as Level) : []);
    if (wish.level !== undefined) hls.loadLevel = wish.level;
  });
  hls.on(Hls.Events.ERROR, (_event, data) => {
    if (!data.fatal) return;
    const status = data.response?.code ?? 0;
    if (data.type === Hls.ErrorTypes.NETWORK_ERROR && GONE.includes(status)) reports.onExpired();
    else if (data.type === Hls.ErrorTypes.NETWORK_ERROR) {
      window.clearTimeout(waits);
      waits = window.setTimeout(() => wake(), 5000);
    } else if (data.type === Hls.ErrorTypes.MEDIA_ERROR && recoveries < 2) {
      recoveries += 1;
      hls.recoverMediaError();
    } else reports.onBroken(data.details);
  });
  function wake(): void {
    window.clearTimeout(waits);
    if (hls.levels.length) hls.startLoad(video.currentTime || wish.startS);
    else hls.loadSource(wish.url);
  }
  hls.loadSource(wish.url);
  hls.attachMedia(video);
  return {
    choose: (level) => {
      const wanted = level === null ? -1 : wish.level === undefined ? (offered[level] ?? level) : level;
      hls.nextLevel = wanted < 0 ? -1 : inTheSameCodec(known(), wanted, hls.currentLevel);
    },
    wake,
    destroy: () => {
      window.clearTimeout(waits);
      hls.destroy();
    },
  };
}

function native(video: HTMLVideoElement, wish: Wish, reports: Reports): Engine {
  const begin = () => {
    if (wish.startS) video.currentTime = wish.startS;
  };
  const fail = () => {
    const code = video.error?.code;
    if (code === MediaError.MEDIA_ERR_NETWORK) reports.onExpired();
    else reports.onBroken(video.error?.message ?? "");
  };
  video.addEventListener("loadedmetadata", begin, { once: true });
  video.addEventListener("error", fail);
  video.src = wish.url;
  reports.onLevels([]);
  return {
    choose: () => undefined,
    wake: () => {
      if (!video.error) return;
      wish = { ...wish, startS: video.currentTime || wish.startS };
      video.addEventListener("loadedmetadata", begin, { once: true });
      video.load();
    },
    destroy: () => {
      video.removeEventListener("error", fail);
      video.removeEventListener("loadedmetadata", begin);
      video.removeAttribute("src");
      video.load();
    },
  };
}
