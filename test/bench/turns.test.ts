/** Peers take turns, so that what the computer does meanwhile hits all of them alike. */
import { expect, test } from 'vitest';
import { OPERATIONS } from '../../scripts/bench/operations.ts';
import { turns } from '../../scripts/bench/requests.ts';

const PEERS = ['a', 'b', 'c'];

test('each operation goes over all peers before the next one begins', () => {
  const [first, second] = OPERATIONS;
  const round = [...turns(PEERS, 1)];
  expect(round).toHaveLength(OPERATIONS.length * PEERS.length);
  expect(round.slice(0, 4)).toEqual([
    { operation: first, who: 'a' },
    { operation: first, who: 'b' },
    { operation: first, who: 'c' },
    { operation: second, who: 'a' },
  ]);
});

test('another peer begins in every round', () => {
  const beginners = [...turns(PEERS, 4)]
    .filter((_, turn) => turn % PEERS.length === 0)
    .map(({ who }) => who);
  const each = (who: string) => OPERATIONS.map(() => who);
  expect(beginners).toEqual(['a', 'b', 'c', 'a'].flatMap(each));
});
