import { closingLine, skippedLines } from '../jest/summary-reporter.cjs';

const counts = {
  numPassedTests: 5,
  numFailedTests: 1,
  numPendingTests: 0,
  numTodoTests: 0,
  numRuntimeErrorTestSuites: 0,
};

describe('the closing line', () => {
  test('counts what passed and what failed', () => {
    expect(closingLine(counts)).toBe('5 passed, 1 failed');
  });

  test('a test file that could not run is a failure, and a skip is told', () => {
    expect(closingLine({ ...counts, numRuntimeErrorTestSuites: 2, numPendingTests: 3, numTodoTests: 1 })).toBe(
      '5 passed, 3 failed, 4 skipped',
    );
  });

  test('skipped tests are named by file', () => {
    const file = (testFilePath: string, statuses: string[]) => ({
      testFilePath,
      testResults: statuses.map((status, index) => ({ status, fullName: `test ${index}` })),
    });
    const testResults = [file('/checkout/a.test.ts', ['passed', 'pending']), file('/checkout/b.test.ts', ['passed'])];
    expect(skippedLines({ testResults }, '/checkout')).toEqual(['  a.test.ts', '    test 1']);
  });
});
