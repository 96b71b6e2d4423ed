/** The kernels of attention that the library would run on an NVIDIA GPU, as WGSL, and how many scores of a turn a lane has. */
export function kernelsOf(require, { D, dtype, rounds, tuned, queries, heads, kvHeads }) {
  const library = (name) => require(`../../kernel-lib/dist/cjs/${name}.js`);
  const { NO_FEATURES } = library('api/problem');
  const { chooseAnyTile, chooseForwardTile } = library('kernels/flash2/choose-tile');
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
  const plans = queries > 8 ? [flash2Forward, flash2Backward] : [flash2Forward];
  return plans.flatMap((plan) =>
    plan(problem, facts, null)
      .steps(buffers)
      .filter(({ kernel }) => / (forward|dq|dkdv)/.test(kernel.label))
      .map(({ kernel: { label, code } }) => {
        const pass = label.split(' ')[1];
        const t = pass === 'forward' ? chooseForwardTile(problem, facts) : chooseAnyTile(pass, null, problem, facts);
        const threads = /@workgroup_size\((\d+)/.exec(code)[1];
        const rows = 'perKey' in t ? t.own : t.br;
        return { label, code, tile: `${rows} x ${t.bc} by ${threads} threads`, scores: (rows * t.bc) / threads };
      }),
  );
}
