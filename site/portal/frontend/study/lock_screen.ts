/** Keeps the screen awake while a lecture runs, and lets the lock screen and the headset's buttons steer it. */
export interface Steering {
  title: string;
  course: string;
  artwork: string;
  play(): void;
  pause(): void;
  /** Seconds from here, negative backwards. */
  step(seconds: number): void;
  seek(positionS: number): void;
}

export class LockScreen {
  private lock: WakeLockSentinel | null = null;

  /** Puts title and picture on the lock screen; does nothing where there is no Media Session. */
  introduce(steering: Steering): void {
    if (!("mediaSession" in navigator)) return;
    navigator.mediaSession.metadata = new MediaMetadata({
      title: steering.title,
      artist: steering.course,
      artwork: steering.artwork ? [{ src: steering.artwork }] : [],
    });
    const actions: [MediaSessionAction, (details: MediaSessionActionDetails) => void][] = [
      ["play", () => steering.play()],
      ["pause", () => steering.pause()],
      ["seekbackward", (details) => steering.step(-(details.seekOffset ?? 10))],
      ["seekforward", (details) => steering.step(details.seekOffset ?? 10)],
      ["seekto", (details) => steering.seek(details.seekTime ?? 0)],
    ];
    for (const [action, handler] of actions) {
      try {
        navigator.mediaSession.setActionHandler(action, handler);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // an action this browser has never heard of
      }
    }
  }

  position(positionS: number, durationS: number, rate: number): void {
    if (!("mediaSession" in navigator) || !durationS) return;
    navigator.mediaSession.setPositionState?.({
      duration: durationS,
      position: Math.min(Math.max(0, positionS), durationS),
      playbackRate: rate,
    });
  }

  async keepAwake(): Promise<void> {
    if (this.lock || !("wakeLock" in navigator) || document.visibilityState !== "visible") return;
    try {
      this.lock = await navigator.wakeLock.request("screen");
      this.lock.addEventListener("release", () => {
        this.lock = null;
      });
    } catch (error) {
      // Refused on a low battery or by a policy: the screen then goes dark as usual.
      if (!(error instanceof DOMException)) throw error;
    }
  }

  letSleep(): void {
    void this.lock?.release();
    this.lock = null;
  }
}
