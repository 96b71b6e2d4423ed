export const PLOTLY = 'application/vnd.plotly.v1+json';

const kernels = {
  python3: { display_name: 'Python 3', language: 'python' },
  flashlab: { display_name: 'FlashLab', language: 'typescript' },
};

/** The text of a notebook file. */
export function notebook(cells: object[], kernel: keyof typeof kernels = 'python3'): string {
  const metadata = { kernelspec: { name: kernel, ...kernels[kernel] } };
  return JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata, cells });
}

export const codeCell = (id: string, source: string, outputs: object[] = []): object => ({
  ...{ cell_type: 'code', id, metadata: {}, source, outputs },
  execution_count: outputs.length > 0 ? 1 : null,
});

/** A notebook whose cells have not run yet. */
export const newNotebook = (kernel: keyof typeof kernels, sources: readonly string[] = []): string =>
  notebook(
    sources.map((source, n) => codeCell(`cell-${n}`, source)),
    kernel,
  );

/** A notebook that was run before, so that its outputs are drawn without a kernel; it shows these MIME bundles. */
export function savedNotebook(bundles: object[]): string {
  const outputs = bundles.map((data) => ({ output_type: 'display_data', metadata: {}, data }));
  return notebook([codeCell('figures', '1', outputs)]);
}
