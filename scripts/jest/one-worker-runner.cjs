'use strict';
// Test files that use a GPU run one after the other (a software driver takes every core by itself), and in a process
// of their own: a driver that crashes fails its test file and not the whole run.
const { default: TestRunner } = require('jest-runner');

module.exports = class OneWorkerRunner extends TestRunner {
  constructor(globalConfig, context) {
    super({ ...globalConfig, maxWorkers: 1 }, context);
  }

  runTests(tests, watcher, options) {
    return super.runTests(tests, watcher, { ...options, serial: false });
  }
};
