/** What a lesson to read does, as a chunk: nothing of the player comes with it. */
import ReadingController from "../controllers/reading_controller";

export const controllers = { reading: ReadingController };
