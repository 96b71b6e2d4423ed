/** The file of a notebook of one kernel with these code cells, none of which has run. */
export function savedNotebook(kernel: string, sources: readonly string[] = []): string {
  return JSON.stringify({
    cells: sources.map((source, n) => ({
      ...{ cell_type: 'code', id: `cell-${n}`, metadata: {}, source, outputs: [], execution_count: null },
    })),
    metadata: { kernelspec: { name: kernel, display_name: kernel, language: '' } },
    ...{ nbformat: 4, nbformat_minor: 5 },
  });
}
