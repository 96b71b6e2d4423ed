import { type Extension, Prec, RangeSetBuilder } from '@codemirror/state';
import { Decoration, type DecorationSet, type EditorView, ViewPlugin, type ViewUpdate } from '@codemirror/view';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { EditorExtensionRegistry, IEditorExtensionRegistry } from '@jupyterlab/codemirror';
import { magicSpans, type Span } from './magic-spans';

/** What JupyterLab makes of our kernel's language; other kernels have magics of their own. */
const MIME_TYPE = 'application/typescript';
/** Larger cells are left plain. */
const MOST = 100_000;

const marks = Object.fromEntries(
  (['magic', 'keyword', 'type', 'attribute', 'number', 'comment'] satisfies Span['kind'][]).map((kind) => [
    kind,
    Decoration.mark({ class: `jp-FlashLab-code jp-FlashLab-${kind}` }),
  ]),
);

function decorate(text: string): DecorationSet {
  const builder = new RangeSetBuilder<Decoration>();
  if (text.length <= MOST && /[%?]/.test(text)) {
    for (const { from, to, kind } of magicSpans(text)) builder.add(from, to, marks[kind]);
  }
  return builder.finish();
}

/** Colours magics; `isOurs` is asked each time, as a cell learns its language when the kernel has started. */
function highlight(isOurs: () => boolean): Extension {
  const plugin = ViewPlugin.fromClass(
    class {
      decorations: DecorationSet;

      constructor(view: EditorView) {
        this.decorations = this.made(view);
      }

      update({ view, docChanged, transactions }: ViewUpdate): void {
        if (docChanged || transactions.length > 0) this.decorations = this.made(view);
      }

      private made(view: EditorView): DecorationSet {
        return isOurs() ? decorate(view.state.doc.toString()) : Decoration.none;
      }
    },
    { decorations: (value) => value.decorations },
  );
  // The innermost mark has the last word on the colour.
  return Prec.highest(plugin);
}

/** Colours the magics of our notebooks, and the WGSL of `%%wgsl` cells. */
export const magicHighlight: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-flashlab:magic-highlight',
  description: 'Colours magics and the WGSL of %%wgsl cells in FlashLab notebooks.',
  autoStart: true,
  requires: [IEditorExtensionRegistry],
  activate: (_app: JupyterFrontEnd, registry: IEditorExtensionRegistry) => {
    registry.addExtension({
      name: 'jupyterlab-flashlab:magics',
      factory: ({ model }) =>
        EditorExtensionRegistry.createImmutableExtension(highlight(() => model.mimeType === MIME_TYPE)),
    });
  },
};
