export const inPractice = {};
