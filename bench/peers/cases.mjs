/**
 * What is measured: `shape` [B, H, Hk, Nq, Nk, D], and which peers can do it. Every side gets the same numbers, gives its results
 * back as arrays, and is timed with both ways of the data, unless `io` is 'without'.
 */
const one = (shape, more = {}) => ({ shape, pass: 'forward', dtype: 'f32', causal: false, io: 'with', ...more });

const web = ['onnxruntime', 'jax'];

export const cases = [
  one([1, 8, 8, 256, 256, 64], { peers: ['onnxruntime'] }),
  one([1, 8, 8, 1024, 1024, 64], { peers: ['onnxruntime'] }),
  one([1, 8, 8, 2048, 2048, 64], { peers: ['onnxruntime'] }),
  one([1, 8, 8, 1024, 1024, 32], { peers: ['onnxruntime'] }),
  one([1, 4, 4, 1024, 1024, 128], { peers: ['onnxruntime'] }),
  one([1, 8, 8, 1024, 1024, 64], { causal: true, peers: web }),
  one([1, 8, 2, 1024, 1024, 64], { causal: true, peers: ['onnxruntime'] }),
  one([1, 8, 8, 1024, 1024, 64], { causal: true, pass: 'forward+backward', peers: ['jax'] }),
  one([1, 8, 8, 1024, 1024, 64], { dtype: 'f16', peers: ['onnxruntime'] }),
  // One query against a long cache.
  one([1, 8, 8, 1, 4096, 64], { causal: true, peers: ['onnxruntime'] }),
];

const torch = { f32: ['torch-efficient', 'torch-math'], f16: ['torch-flash', 'torch-cudnn'] };

/** For a CUDA machine: the GPU's own time, without the ways of the data. */
export const cudaCases = [64, 128].flatMap((D) =>
  [1024, 4096].flatMap((N) =>
    [false, true].flatMap((causal) =>
      ['f32', 'f16'].flatMap((dtype) =>
        ['forward', 'backward'].map((pass) =>
          one([16384 / N, 2048 / D, 2048 / D, N, N, D], { pass, dtype, causal, io: 'without', peers: torch[dtype] }),
        ),
      ),
    ),
  ),
);

export const caseName = ({ shape: [B, H, Hk, Nq, Nk, D] }) =>
  `B${B}_H${H}${Hk === H ? '' : `_Hk${Hk}`}_Nq${Nq}_Nk${Nk}_D${D}`;

/** Which tensors a pass needs and gives. */
export const inputsOf = ({ pass }) => (pass === 'forward' ? ['q', 'k', 'v'] : ['q', 'k', 'v', 'dout']);
export const outputsOf = ({ pass }) =>
  pass === 'forward' ? ['out'] : pass === 'backward' ? ['dq', 'dk', 'dv'] : ['out', 'dq', 'dk', 'dv'];
