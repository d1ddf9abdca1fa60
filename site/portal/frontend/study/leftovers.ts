/** Hands in beats that an earlier page could not, from any page of the site. */
import { openQueue } from "./beat_queue";
import { BeatSender } from "./beat_sender";
import { forgetOld, rememberWaiting, surroundings } from "./handing_in";
import { tell } from "./news";

export async function handInLeftovers(): Promise<void> {
  const queue = await openQueue();
  await forgetOld(queue);
  const sender = new BeatSender(queue, surroundings, {
    onState: () => undefined,
    onQueue: (waiting, reachable) => {
      rememberWaiting(waiting);
      tell("study:queue", { waiting, reachable });
    },
    onLeaseLost: () => undefined,
    onRefused: () => undefined,
    onRenew: async () => false, // the lesson's own page renews its token
  });
  window.addEventListener("online", () => void sender.flush());
  await sender.flush();
}
