/** Long lists do not keep others waiting. */
import { expect, test } from 'vitest';
import { takeAll } from '../../mount/fuseNative/listing.ts';
import type { Result } from '../../mount/reply.ts';
import { KernelError } from '../../src/abi/errno.ts';
import { until } from '../support/clients.ts';

/** Counts up, and may fail on the way. */
function counting(to: number, failsAt = Number.NaN) {
  const progress = { made: 0 };
  function* numbers() {
    for (; progress.made < to; progress.made += 1) {
      if (progress.made === failsAt) throw new KernelError('ENOENT', 'it has gone');
      yield progress.made;
    }
  }
  return { progress, numbers: numbers() };
}

function take(numbers: Iterator<number>) {
  const results: Result<readonly number[]>[] = [];
  takeAll(
    numbers,
    (result) => results.push(result),
    (error) => {
      throw error;
    },
  );
  return results;
}

test.each([0, 1, 999])('a list of %d is there at once', (length) => {
  expect(take(counting(length).numbers)).toEqual([
    { value: Array.from({ length }, (_, index) => index) },
  ]);
});

test('a longer one is taken in slices between which Node gets its turn', async () => {
  const { numbers, progress } = counting(3500);
  const seen: number[] = [];
  const results = take(numbers);
  while (results.length === 0) {
    seen.push(progress.made);
    await new Promise(setImmediate);
  }
  expect(seen.length).toBeGreaterThanOrEqual(3);
  expect(seen[0]).toBeLessThan(1001);
  expect(results).toEqual([{ value: Array.from({ length: 3500 }, (_, index) => index) }]);
});

test('what fails on the way is the answer, once', async () => {
  const results = take(counting(3000, 2500).numbers);
  expect(results).toEqual([]);
  await until(() => results.length > 0);
  expect(results).toEqual([{ errno: -2 }]);
});
