/** Cuts a text into sentences for reading aloud: browsers fall silent in the middle of long ones. Pure. */
const LONGEST = 120;

/** Sentences in their order, none longer than about 120 characters, without empty ones. */
export function sentences(text: string): string[] {
  const found: string[] = [];
  for (const line of text.split(/\n+/)) {
    for (const sentence of line.match(/[^。！？；!?;]+[。！？；!?;”’」』）]*/g) ?? []) {
      let rest = sentence.replace(/\s+/g, " ").trim();
      while (rest.length > LONGEST) {
        const comma = Math.max(rest.lastIndexOf("，", LONGEST), rest.lastIndexOf("、", LONGEST));
        const cut = comma > 0 ? comma + 1 : LONGEST;
        found.push(rest.slice(0, cut));
        rest = rest.slice(cut);
      }
      if (rest) found.push(rest);
    }
  }
  return found;
}
