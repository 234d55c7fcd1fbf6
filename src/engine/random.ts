/** Chance, from a seed: the same machine draws the same numbers. */

export interface Random {
  state: number;
}

export function createRandom(seed: number): Random {
  return { state: seed >>> 0 };
}

/** A whole number from 0 up to, but not including, `limit`. */
export function randomBelow(random: Random, limit: number): number {
  random.state = (random.state + 0x9e3779b9) >>> 0;
  let mixed = random.state;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return ((mixed ^ (mixed >>> 15)) >>> 0) % limit;
}
