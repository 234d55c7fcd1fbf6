import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const TIMEOUTS = { testTimeout: 30_000, hookTimeout: 30_000 };
const TRANSPORTS = ['devfuse', 'fuse-native'] as const;
const REPLAY = 'test/recordings/replay.test.ts';

export default defineConfig({
  test: {
    // Most tests wait for daemons and clocks; a worker a core leaves half of the time unused.
    maxWorkers: Math.max(2, availableParallelism()),
    projects: [
      {
        test: {
          ...TIMEOUTS,
          name: 'klpfs',
          include: ['test/**/*.test.ts'],
          exclude: [REPLAY],
          provide: { transport: 'devfuse' },
          sequence: { groupOrder: 0 },
        },
      },
      {
        // What is mounted, once more by the other transport.
        test: {
          ...TIMEOUTS,
          name: 'klpfs over fuse-native',
          include: [
            'test/mount/*.test.ts',
            'test/daemon/*.test.ts',
            'test/recordings/tried.test.ts',
          ],
          provide: { transport: 'fuse-native' },
          sequence: { groupOrder: 0 },
        },
      },
      // Recordings have the timing of a real machine: nothing else may run beside the replays.
      ...TRANSPORTS.map((transport) => ({
        test: {
          ...TIMEOUTS,
          name: `replay over ${transport}`,
          include: [REPLAY],
          provide: { transport },
          sequence: { groupOrder: 1 },
        },
      })),
    ],
  },
});
