/** What somebody chose in the player, kept on this device; where storage is switched off, as long as the page. */
export function chosen(mark: string): string | null {
  try {
    return localStorage.getItem(mark);
  } catch {
    return null;
  }
}

export function choose(mark: string, choice: string): void {
  try {
    localStorage.setItem(mark, choice);
  } catch (error) {
    console.debug(`the choice ${mark} is not kept`, error);
  }
}
