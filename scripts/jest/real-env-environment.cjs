'use strict';
const { TestEnvironment } = require('jest-environment-node');

// jest gives tests a copy of process.env, but which Vulkan driver is loaded is decided by the environment of the real
// process (VK_DRIVER_FILES, read by the driver's loader), so tests that start a GPU need the real one.
module.exports = class RealEnvironment extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    this.global.process.env = process.env;
  }
};
