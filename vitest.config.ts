import { defineConfig } from 'vitest/config';

const TIMEOUTS = { testTimeout: 30_000, hookTimeout: 30_000 };
const REPLAY = 'test/recordings/**/*.test.ts';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...TIMEOUTS,
          name: 'klpfs',
          include: ['test/**/*.test.ts'],
          exclude: [REPLAY],
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Recordings have the timing of a real machine: nothing else may run beside the replay.
        test: { ...TIMEOUTS, name: 'replay', include: [REPLAY], sequence: { groupOrder: 1 } },
      },
    ],
  },
});
