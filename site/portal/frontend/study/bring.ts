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
      await patience(backoffMs(failures, Math.random()));
    }
  }
}

function patience(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      window.clearTimeout(timer);
      window.removeEventListener("online", over);
      resolve();
    };
    const timer = window.setTimeout(over, ms);
    window.addEventListener("online", over);
  });
}
