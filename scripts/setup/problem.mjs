// What goes wrong in set-up is told in one line that says how to mend it.

/** Something the user can mend: its message is shown as it is, without a stack. */
export class Problem extends Error {
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Runs a command-line program: a Problem becomes one line on stderr, anything else is a defect and keeps its stack. */
export function runProgram(main) {
  main().then(
    (code) => {
      process.exitCode = code;
    },
    (error) => {
      if (error instanceof Problem) process.stderr.write(`${error.message}\n`);
      else process.stderr.write(`${error?.stack ?? error}\n`);
      process.exitCode = error instanceof Problem ? error.exitCode : 70;
    },
  );
}
