/** A command line that cannot be obeyed; its message is one line. */
export class UsageError extends Error {}

export const USAGE = `usage: flashlab COMMAND [options]

  doctor [--json] [--fix]       which GPU is used and why, what is wrong with the rest, how to mend it;
                                --fix downloads a software GPU if nothing else works
  check [--json] [--full] [--seed N] [--algorithms LIST] [FILTER ...]
                                compares attention with a float64 reference over a table of shapes;
                                a FILTER is a part of a case name, such as causal or D64_, or a whole one;
                                LIST is some of flash2,flash1,naive,reference
  bench [--json] [--seqs LIST] [--algorithms LIST] [--batch N] [--heads N] [--kv-heads LIST] [--dim LIST]
        [--dtype f32,f16] [--masks full,causal] [--causal] [--compare FILE]
        [--figure FILE.svg]     checks, then times forward and backward of algorithms, with ratios to the
                                first; FILE is what an earlier bench --json printed
  course DIR [--no-solutions] [--json]
                                copies the notebooks of the course into a new folder
  install [WHERE] [--json]      tells Jupyter about the notebook kernel
  uninstall [WHERE] [--json]    takes it back

  WHERE is --user (the default), --sys-prefix (the active Python environment) or --prefix DIR.
  --json prints one JSON object a line. --help shows this, --version the version.
  FLASH_ADAPTER=auto|hardware|lavapipe|swiftshader chooses the GPU; FLASH_MATRICES=auto|on|off whether kernels
  use matrix units: auto means those of real GPUs, for f16; on those of any, for f32 too.
`;
