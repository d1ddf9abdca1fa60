/** The entry of our panels in the Wagtail admin. A Stimulus application of our own, beside Wagtail's. */
import { Application } from "@hotwired/stimulus";
import { CaptionsDropController } from "./controllers/captions_drop_controller";
import { CaptionsPanelController } from "./controllers/captions_panel_controller";
import { CueEditorController } from "./controllers/cue_editor_controller";
import { FreshPartController } from "./controllers/fresh_part_controller";
import { LectureCardController } from "./controllers/lecture_card_controller";
import { LectureChooserController } from "./controllers/lecture_chooser_controller";
import { LectureDeskController } from "./controllers/lecture_desk_controller";
import { LectureUploadController } from "./controllers/upload_controller";

const application = Application.start();
application.register("captions-drop", CaptionsDropController);
application.register("captions-panel", CaptionsPanelController);
application.register("cue-editor", CueEditorController);
application.register("fresh-part", FreshPartController);
application.register("lecture-card", LectureCardController);
application.register("lecture-chooser", LectureChooserController);
application.register("lecture-desk", LectureDeskController);
application.register("lecture-upload", LectureUploadController);
