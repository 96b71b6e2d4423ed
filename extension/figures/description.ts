let count = 0;

/** Text that screen readers find and the eye does not. */
export class Description {
  readonly node = document.createElement('div');

  constructor() {
    this.node.id = `flashlab-description-${count++}`;
    this.node.className = 'jp-FlashLab-description';
  }

  /** Names a figure for screen readers, and tells them the text beside it: the numbers as a table, where we made it. */
  describe(figure: HTMLElement, name: string, text: unknown): void {
    figure.setAttribute('role', 'figure');
    figure.setAttribute('aria-label', name);
    this.node.textContent = typeof text === 'string' ? text : '';
    if (this.node.textContent) figure.setAttribute('aria-describedby', this.node.id);
    else figure.removeAttribute('aria-describedby');
  }
}
