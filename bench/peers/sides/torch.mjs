import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { outputsOf } from '../cases.mjs';

// PyTorch's kernels on a CUDA GPU, by torch_side.py: a line of JSON for each command and each answer, tensors as files of f32.

const python = spawn('python3', [fileURLToPath(new URL('./torch_side.py', import.meta.url))], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
const answers = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
process.on('disconnect', () => python.kill());

async function tell(command) {
  python.stdin.write(`${JSON.stringify(command)}\n`);
  const { value, done } = await answers.next();
  if (done) throw new Error('Python has ended');
  const answer = JSON.parse(value);
  if (answer.error) throw new Error(answer.error);
  return answer;
}

/** @param backend which of PyTorch's kernels: 'flash', 'cudnn', 'efficient' or 'math' */
export async function prepare(one, inputs, backend) {
  const folder = mkdtempSync(path.join(tmpdir(), 'flashlab-peers-'));
  try {
    for (const [name, data] of Object.entries(inputs)) writeFileSync(path.join(folder, name), data);
    await tell({ ...one, command: 'prepare', backend, folder });
    const outputs = {};
    for (const name of outputsOf(one)) {
      const bytes = readFileSync(path.join(folder, name));
      outputs[name] = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    }
    return async () => ({ outputs, ...(await tell({ command: 'run' })) });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
