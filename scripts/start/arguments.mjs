import { Problem } from '../setup/problem.mjs';

export const usage = `Usage: npm start [-- OPTIONS]

Sets up what is missing and opens JupyterLab on the first notebook.

  --run NOTEBOOK   run one notebook without a browser and print its text outputs
  --parameter NAME=VALUE
                   with --run, once for each: a TypeScript constant that is declared after the cell tagged 'parameters';
                   the value is JSON, or else text
  --no-browser     serve only; the address is printed
  --port N         serve on this port (default: the first free one from 8888 on)
  --help           show this text`;

const refuse = (message) => new Problem(`${message}\n\n${usage}`, 2);

/**
 * Reads the arguments of `npm start`.
 * @returns {{ help: boolean, run: string | null, parameters: [string, unknown][], browser: boolean, port: number | null }}
 */
export function readArguments(args) {
  const options = { help: false, run: null, parameters: [], browser: true, port: null };
  const rest = [...args];
  const value = (name) => {
    if (rest.length === 0 || rest[0].startsWith('--')) throw refuse(`${name} needs a value.`);
    return rest.shift();
  };
  while (rest.length > 0) {
    const word = rest.shift();
    if (word === '--help' || word === '-h') options.help = true;
    else if (word === '--no-browser') options.browser = false;
    else if (word === '--run') options.run = value(word);
    else if (word === '--parameter') options.parameters.push(readParameter(value(word)));
    else if (word === '--port') {
      const text = value(word);
      options.port = Number(text);
      if (!/^\d+$/.test(text) || options.port < 1 || options.port > 65535) {
        throw refuse(`--port: expected a whole number from 1 to 65535, got '${text}'.`);
      }
    } else throw refuse(`Unknown argument '${word}'.`);
  }
  if (options.run !== null && (options.port !== null || !options.browser)) {
    throw refuse('--run starts no server, so it goes with neither --port nor --no-browser.');
  }
  if (options.run === null && options.parameters.length > 0) throw refuse('--parameter goes with --run only.');
  return options;
}

function readParameter(text) {
  const [, name, value] = /^([A-Za-z_$][\w$]*)=(.*)$/s.exec(text) ?? [];
  if (name === undefined) throw refuse(`--parameter: expected NAME=VALUE, got '${text}'.`);
  try {
    return [name, JSON.parse(value)];
  } catch {
    return [name, value];
  }
}
