'use strict';
// Names every skipped test and ends with one line that counts: a skip is not a pass.
const { writeSync } = require('node:fs');
const path = require('node:path');

const SKIPPED = new Set(['pending', 'todo', 'disabled']);

/** `N passed, N failed`, and skips where there are any. A test file that could not run counts as one failure. */
function closingLine(results) {
  const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  const skipped = results.numPendingTests + results.numTodoTests;
  return `${results.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** The skipped tests by file; the name of a test (or of the group around it) tells why it is skipped. */
function skippedLines(results, root) {
  return results.testResults.flatMap((file) => {
    const names = file.testResults.filter((test) => SKIPPED.has(test.status)).map((test) => test.fullName);
    if (names.length === 0) return [];
    return [`  ${path.relative(root, file.testFilePath)}`, ...names.map((name) => `    ${name}`)];
  });
}

module.exports = class SummaryReporter {
  constructor(globalConfig) {
    this.root = globalConfig.rootDir;
  }

  onRunComplete(_contexts, results) {
    const skipped = skippedLines(results, this.root);
    const lines = skipped.length > 0 ? ['Skipped:', ...skipped] : [];
    // jest's own summary comes after the reporters; what is written at the exit is the last word.
    process.once('exit', () => writeSync(1, `\n${[...lines, closingLine(results)].join('\n')}\n`));
  }
};
module.exports.closingLine = closingLine;
module.exports.skippedLines = skippedLines;
