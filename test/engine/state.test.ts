/** System states: whose data a callback is given. Source: kernel/livepatch/state.c. */
import { expect, test } from 'vitest';
import { getPrevState, getState } from '../../src/engine/livepatch/state.ts';
import { Machine } from '../support/machine.ts';
import { aModule, anObject, aPatch } from '../support/modules.ts';

const ID = 7;

/** Keeps its name as the state's data, and tells whose it would take over. */
function stateful(name: string, prevs: string[]) {
  const object = anObject({
    callbacks: {
      prePatch(kernel, { patch }) {
        prevs.push(`${name} after ${getPrevState(kernel, ID)?.data ?? 'nobody'}`);
        const own = getState(patch, ID);
        if (own) own.data = name;
        return 0;
      },
    },
  });
  return aModule({ name, patch: aPatch([object], { states: [{ id: ID, version: 1 }] }) });
}

test('of several older patches the newest hands its state over', () => {
  const prevs: string[] = [];
  const modules = ['a', 'b', 'c'].map((name) => stateful(name, prevs));
  const machine = new Machine({ release: '6.1', modules });
  for (const { name } of modules) machine.insmod(name);
  expect(prevs).toEqual(['a after nobody', 'b after a', 'c after b']);
});

test('outside a transition nobody has been before, and who asks is warned of, once', () => {
  const machine = new Machine({ release: '6.1', modules: [stateful('a', [])] });
  machine.insmod('a');
  machine.dmesg();
  expect(getPrevState(machine.kernel, ID)).toBeUndefined();
  expect(getPrevState(machine.kernel, ID)).toBeUndefined();
  expect(machine.dmesg()).toEqual(['WARNING: klp_get_prev_state() outside a transition']);
});
