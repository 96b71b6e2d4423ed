// One side of the comparison, in a process of its own: worker.mjs SIDE[-VARIANT]. Told by messages to prepare a case or to run it
// once.
import { errorOf, makeInputs } from './numbers.mjs';

const [name, variant] = process.argv[2].split('-');
const side = await import(`./sides/${name}.mjs`);
let run;

const commands = {
  adapter: () => side.adapter?.() ?? null,
  async prepare(one) {
    const inputs = await makeInputs(one);
    run = await side.prepare(one, inputs, variant);
    const { outputs } = await run();
    return errorOf(one, inputs, outputs);
  },
  /** Milliseconds of one run: the side's own if it measures without the ways of the data, else until the results are arrays. */
  async run() {
    const start = performance.now();
    const { ms } = await run();
    return ms ?? performance.now() - start;
  },
};

process.on('message', async ({ command, argument }) => {
  try {
    process.send({ value: await commands[command](argument) });
  } catch (error) {
    process.send({ error: String(error?.message ?? error).split('\n')[0] });
  }
});
process.send({ value: 'ready' });
