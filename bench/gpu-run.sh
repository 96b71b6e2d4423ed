#!/usr/bin/env bash
# Part of .gpu-bundle (bench/gpu-bundle.mjs): checks the library on this machine's GPU, then measures it. Results go to $OUT, else to
# the folder results beside this file: doctor.txt, check.jsonl, bench.jsonl (to be given to `flashlab bench --compare`), tune.txt,
# bench-tuned.jsonl, decode.jsonl, and with PyTorch peers.jsonl. SEQS, DIMS, HEADS, CACHES and, for the tiles, SEQ change what is measured, FLASH_ADAPTER the adapter.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${OUT:-$here/results}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
tar -xJf "$here/files.tar.xz" -C "$work"

if ! ldconfig -p | grep -q libvulkan.so.1 && ls "$here"/libvulkan1_*.deb >/dev/null 2>&1; then
  dpkg -x "$here"/libvulkan1_*.deb "$work/vulkan"
  export LD_LIBRARY_PATH=$work/vulkan/usr/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi
export FLASH_ADAPTER=${FLASH_ADAPTER:-hardware} XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/tmp} PATH=$work/bin:$PATH XDG_CACHE_HOME=$work/cache
flashlab() { node "$work/kernel-lib/bin/flashlab.js" "$@"; }

flashlab doctor | tee "$out/doctor.txt"
flashlab check --json --algorithms flash2 >"$out/check.jsonl"
echo "check: exit code $?, $(wc -l <"$out/check.jsonl") rows, $(grep -c '"ok":false' "$out/check.jsonl") wrong"
measure() {
  for dim in ${DIMS:-64 128}; do
    flashlab bench --json --seqs "${SEQS:-1024,4096,8192}" --dim "$dim" --heads "${HEADS:-$((2048 / dim))}" \
      --dtype f16,f32 --masks full,causal --algorithms flash2,naive
  done | tee "$out/$1" |
    node -e "require('readline').createInterface({ input: process.stdin }).on('line', (text) => { const r = JSON.parse(text); console.log(r.dtype, 'D', r.dim, 'N', r.seq, r.causal ? 'causal' : 'full', r.pass, r.algorithm, r.error <= 1 ? r.ms.toFixed(3) + ' ms' : 'WRONG', (r.gflops / 1000).toFixed(2), 'TFLOP/s, ratio', Number(r.ratio).toFixed(2)); });"
}
measure bench.jsonl
# Which tiles suit this GPU, to be put into kernel-lib/src/wgsl/choose-shape.ts and kernels/flash2/choose-matrices.ts; then the same with them.
for dim in ${DIMS:-64 128}; do
  for dtype in f16 f32; do
    node -e "require('$work/kernel-lib').tune({ dim: $dim, dtype: '$dtype', heads: ${HEADS:-$((2048 / dim))}, seq: ${SEQ:-4096} }).then((report) => { console.log(String(report)); process.exit(); })"
  done
done | tee "$out/tune.txt"
measure bench-tuned.jsonl
# One query of 32 heads against a cache, and the share of the device's copy.
node "$work/bench/decode.mjs" --json --dtypes f16,i8,f32 --dims "$(tr " " , <<<"${DIMS:-64 128}")" --seqs "${CACHES:-4096,32768}" --heads 32 --kv-heads 32,8,4 |
  tee "$out/decode.jsonl"
if python3 -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
  node "$work/bench/peers/run.mjs" --json --peers torch-flash,torch-cudnn,torch-efficient,torch-math | tee "$out/peers.jsonl"
fi
