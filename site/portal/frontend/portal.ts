/** The entry of every member's page: starts Stimulus and brings in behaviour only where a page asks for it. */
import { Application } from "@hotwired/stimulus";

export const application = Application.start();
