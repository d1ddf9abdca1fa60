/** Fills the screen with an element; on iPhones, which allow that to videos only, with the video. */
interface AppleElement extends HTMLElement {
  webkitRequestFullscreen?: () => void;
}
interface AppleVideo extends HTMLVideoElement {
  webkitEnterFullscreen?: () => void;
}
interface AppleDocument extends Document {
  webkitFullscreenElement?: Element | null;
  webkitExitFullscreen?: () => void;
}

export function fillsScreen(): boolean {
  return Boolean(document.fullscreenElement ?? (document as AppleDocument).webkitFullscreenElement);
}

/** Fills or frees the screen, and turns a phone on its side for a wide picture where that is allowed. */
export async function toggleWholeScreen(stage: AppleElement, video: AppleVideo): Promise<void> {
  if (fillsScreen()) {
    if (document.exitFullscreen) await document.exitFullscreen();
    else (document as AppleDocument).webkitExitFullscreen?.();
    return;
  }
  if (stage.requestFullscreen) await stage.requestFullscreen();
  else if (stage.webkitRequestFullscreen) stage.webkitRequestFullscreen();
  else video.webkitEnterFullscreen?.();
  const orientation = screen.orientation as ScreenOrientation & { lock?: (to: string) => Promise<void> };
  await orientation?.lock?.("landscape").catch(() => undefined); // desktop screens can't be turned
}
