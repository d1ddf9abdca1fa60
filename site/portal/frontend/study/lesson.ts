/** Everything a lesson page with a player does, as one chunk. */
import BeatsController from "../controllers/beats_controller";
import CaptionsController from "../controllers/captions_controller";
import ChaptersController from "../controllers/chapters_controller";
import HeadsetController from "../controllers/headset_controller";
import ListenController from "../controllers/listen_controller";
import MemberMarkController from "../controllers/member_mark_controller";
import PlayerController from "../controllers/player_controller";
import SimpleViewController from "../controllers/simple_view_controller";
import SphereController from "../controllers/sphere_controller";
import StripController from "../controllers/strip_controller";
import ThriftController from "../controllers/thrift_controller";
import TranscriptController from "../controllers/transcript_controller";
import ViewportController from "../controllers/viewport_controller";

/** Those that listen come before those that speak. */
export const controllers = {
  strip: StripController,
  transcript: TranscriptController,
  listen: ListenController,
  thrift: ThriftController,
  headset: HeadsetController,
  "simple-view": SimpleViewController,
  sphere: SphereController,
  captions: CaptionsController,
  "member-mark": MemberMarkController,
  chapters: ChaptersController,
  beats: BeatsController,
  player: PlayerController,
  viewport: ViewportController,
};
