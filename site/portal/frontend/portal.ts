/**
 * The entry of every member's page: starts Stimulus and brings in behaviour only where a page asks for it.
 *
 * Small controllers that any page may use are part of this bundle; those of a lesson come as a chunk of their own
 * when the page has a player, and hls.js and three.js only when a lecture begins.
 */
import { Application } from "@hotwired/stimulus";
import ReadAloudController from "./controllers/read_aloud_controller";
import ShellController from "./controllers/shell_controller";
import { bring } from "./study/bring";
import { somethingWaits } from "./study/handing_in";

export const application = Application.start();
application.register("shell", ShellController);
application.register("read-aloud", ReadAloudController);

if (document.getElementById("lesson-play")) {
  const reads = document.querySelector("[data-controller~='reading']") !== null;
  void (reads ? bring(() => import("./study/reading")) : bring(() => import("./study/lesson"))).then(({ controllers }) => {
    for (const [name, controller] of Object.entries(controllers)) application.register(name, controller);
  });
} else if (somethingWaits()) {
  void bring(() => import("./study/leftovers")).then(({ handInLeftovers }) => handInLeftovers());
}

if (document.querySelector('[data-controller~="proofs"]')) {
  void bring(() => import("./controllers/proofs_controller")).then(({ default: ProofsController }) =>
    application.register("proofs", ProofsController),
  );
}

if (document.querySelector('[data-controller~="exam"]')) {
  void bring(() => import("./controllers/exam_controller")).then(({ default: ExamController }) =>
    application.register("exam", ExamController),
  );
}

if (document.querySelector('[data-controller~="suggest"]')) {
  void bring(() => import("./controllers/suggest_controller")).then(({ default: SuggestController }) =>
    application.register("suggest", SuggestController),
  );
}
