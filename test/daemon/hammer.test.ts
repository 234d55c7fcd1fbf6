/** Patches that come and go while others look as hard as they can. */
import { expect, test } from 'vitest';
import { mountMachine } from './mounted.ts';

const ROUNDS = 60;

/** On one cpu a transition is over when the write that began it returns. */
const SCRIPT = `
hammer() { while [ ! -e stop ]; do ls -lR $K $M/sys/module; cat $K/*/enabled; done; }
cd $(mktemp -d)
for i in 1 2 3; do hammer >/dev/null 2>&1 & done
for ((round = 0; round < ${ROUNDS}; round++)); do
  echo livepatch-sample > $M/control/insmod
  [ -e $K/livepatch_sample/vmlinux/patched ] || echo "$round: not there after insmod"
  [ "$(cat $K/livepatch_sample/enabled)" = 1 ] || echo "$round: not enabled"
  echo 0 > $K/livepatch_sample/enabled
  until echo livepatch-sample > $M/control/rmmod; do sleep 0.01; done 2>/dev/null
  [ -e $K/livepatch_sample ] && echo "$round: still there after rmmod"
  [ -e $M/sys/module/livepatch_sample ] && echo "$round: the module is still there"
  ls $K | grep . && echo "$round: still listed"
done
touch stop; wait; rm stop; rmdir $PWD; echo done`;

test('a patch that comes or goes is seen at once, by those who look and by those who do it', async () => {
  const { sh, log } = await mountMachine('release: "6.1"\ncpus: 1\n');

  const { output, errors } = await sh(SCRIPT);

  expect({ output, errors }).toEqual({ output: 'done\n', errors: '' });
  expect(log.filter(({ msg }) => msg === 'bug')).toEqual([]);
});
