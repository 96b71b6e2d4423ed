/** The kernels of attention that the library would run on an NVIDIA GPU, as WGSL, and how many scores a lane has in a turn of matrices. */
export function kernelsOf(require, { D, dtype, rounds, tuned, queries, heads, kvHeads }) {
  const library = (name) => require(`../../kernel-lib/dist/cjs/${name}.js`);
  const { NO_FEATURES } = library('api/problem');
  const { chooseAnyTile, chooseFewRows } = library('kernels/flash2/choose-tile');
  const { flash2Backward, flash2Forward } = library('kernels/flash2/plan');
  const sizes = { B: 1, H: heads, Hk: kvHeads, Nq: queries, Nk: 4096, D, Dv: D, scale: 1 / Math.sqrt(D) };
  const problem = { ...sizes, layout: 'bhnd', packing: 'none', dtype, ...NO_FEATURES };
  const facts = {
    kind: 'hardware',
    driver: 'nvidia',
    workgroupStorage: 49152,
    maxInvocations: 1024,
    maxWorkgroups: 65535,
    maxBinding: 2 ** 31 - 4,
    maxBuffer: 2 ** 33,
    maxStorageBuffers: 16,
    subgroupSize: 32,
    subgroupIds: true,
    matrices: dtype === 'f16' ? { M: 16, N: 16, K: 16, lanes: 32, pinned: false, rounds } : undefined,
    tuned: new Map(Object.entries(tuned)),
  };
  const buffers = new Proxy({}, { get: (_, label) => ({ label, size: 2 ** 30 }) });
  const few = chooseFewRows(problem, facts);
  const plans = few ? [flash2Forward] : [flash2Forward, flash2Backward];
  return plans.flatMap((plan) =>
    plan(problem, facts, null)
      .steps(buffers)
      .filter(({ kernel }) => / (forward|dq|dkdv)/.test(kernel.label))
      .map(({ kernel: { label, code } }) => {
        const t = few ?? chooseAnyTile(label.split(' ')[1], null, problem, facts);
        const threads = /@workgroup_size\((\d+)/.exec(code)[1];
        const tile = `${few ? t.own : t.br} x ${t.bc} by ${threads} threads`;
        return { label, code, tile, scores: (t.br * t.bc) / threads };
      }),
  );
}
