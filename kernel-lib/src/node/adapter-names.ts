/** What FLASH_ADAPTER may say. */
export const ADAPTER_NAMES = ['auto', 'hardware', 'lavapipe', 'swiftshader'] as const;
export type AdapterName = (typeof ADAPTER_NAMES)[number];
