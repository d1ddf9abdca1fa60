/** Code that comes as a chunk of its own: asked for until the network brings it. */
import { backoffMs } from "./retry";

/**
 * What `load` (an `import()`) gives, however often it has to be asked: again after a while that grows (2 s to 5 min),
 * and at once when the browser says `online`. A browser that remembers a failed import (Firefox) never gets it; there
 * the page has to be opened again.
 */
export async function bring<T>(load: () => Promise<T>): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await load();
    } catch (error) {
      console.warn("a part of this page has not come yet", error);
      if (await patience(backoffMs(failures, Math.random()))) failures = 0;
    }
  }
}

/** Resolves after so many milliseconds (false), or as soon as the browser says `online` (true). */
export function patience(ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const over = (online: boolean): void => {
      window.clearTimeout(timer);
      window.removeEventListener("online", connected);
      resolve(online);
    };
    const connected = (): void => over(true);
    const timer = window.setTimeout(() => over(false), ms);
    window.addEventListener("online", connected);
  });
}
