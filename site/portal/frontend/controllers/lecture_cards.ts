/** What an upload hands to the panels around it, and the live card that they show for it. */

export interface Uploaded {
  asset: number;
  title: string;
  card_url: string;
  edit_url: string;
}

/** An element that fills itself and stays fresh (lecture_card_controller). */
export function liveCard(url: string): HTMLElement {
  const card = document.createElement("div");
  card.dataset["controller"] = "lecture-card";
  card.dataset["lectureCardUrlValue"] = url;
  return card;
}
