/** Pids that are taken and freed, next to a plain map of them. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  createPidMap,
  freePid,
  nextPidTaken,
  takePid,
  taskWithPid,
} from '../../src/engine/sched/pidMap.ts';

/** Some next to each other, some far away. */
const pid = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1000, max: 4_194_304 }));
const change = fc.record({ does: fc.constantFrom('take', 'free'), pid });

test('pids are found, counted and listed in their order', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const map = createPidMap();
      const model = new Map<number, number>();
      for (const [task, { does, pid }] of changes.entries()) {
        if (does === 'free') {
          freePid(map, pid);
          model.delete(pid);
        } else if (!model.has(pid)) {
          takePid(map, pid, task);
          model.set(pid, task);
        }
      }
      const listed: number[] = [];
      for (
        let next = nextPidTaken(map, 0);
        next !== undefined;
        next = nextPidTaken(map, next + 1)
      ) {
        listed.push(next);
      }
      const expected = [...model.keys()].sort((a, b) => a - b);
      expect([map.size, listed]).toEqual([model.size, expected]);
      for (const { pid } of changes) expect(taskWithPid(map, pid)).toBe(model.get(pid));
    }),
  );
});

test.each([0, 5_000_000, Number.MAX_SAFE_INTEGER])('nobody has the pid %d', (pid) => {
  const map = createPidMap();
  takePid(map, 1, 0);
  expect(taskWithPid(map, pid)).toBeUndefined();
  expect(nextPidTaken(map, Math.max(2, pid))).toBeUndefined();
});
