/** The modules that use shadow variables: the leak and its two patches, and the selftest. */
import { expect, test } from 'vitest';
import { builtinModules } from '../../src/modules/builtin.ts';
import { Machine } from '../support/machine.ts';

const leaking = (release: '4.15' | '6.1' = '4.15') => {
  const machine = new Machine({ release, modules: builtinModules });
  machine.insmod('livepatch-shadow-mod');
  machine.dmesg();
  return machine;
};

/** Lines of the modules since the last call, with `#1` and so on for addresses. */
function lines(machine: Machine, numbers: Map<string, string>): string[] {
  return machine
    .dmesg()
    .filter((line) => /dummy|cleanup_work_func/.test(line))
    .map((line) =>
      line.replaceAll(/\b0{8}[0-9a-f]{8}\b/g, (address) => {
        const number = numbers.get(address) ?? `#${numbers.size + 1}`;
        numbers.set(address, number);
        return number;
      }),
    );
}

test('a dummy is made every second, looked at every three, and lives for twelve', () => {
  const machine = leaking();
  const numbers = new Map<string, string>();
  machine.advance(3000);
  expect(lines(machine, numbers)).toEqual([
    `dummy_alloc: dummy @ #1, expires @ ${(2 ** 32 - 300 * 250 + 13 * 250).toString(16)}`,
    expect.stringMatching('^dummy_alloc: dummy @ #2, expires @ fffe[0-9a-f]{4}$'),
    expect.stringMatching('^cleanup_work_func: jiffies = fffe[0-9a-f]{4}$'),
    expect.stringMatching('^dummy_alloc: dummy @ #3'),
  ]);
  machine.advance(12_000);
  const freed = lines(machine, numbers).filter((line) => /dummy_free/.test(line));
  expect(freed).toEqual([
    expect.stringMatching(/^dummy_free: dummy @ #2, expired = fffe[0-9a-f]{4}$/),
    expect.stringMatching(/^dummy_free: dummy @ #1, expired = fffe[0-9a-f]{4}$/),
  ]);
});

// From 4.18 on a destructor frees what would leak, also of those that are left with the module.
test.each([
  ['4.15', 'dummy_free', false],
  ['6.1', 'dummy_leak_dtor', true],
] as const)(
  'on %s fix1 finds what leaked in those made after it, in %s',
  (release, where, hasDestructor) => {
    const machine = leaking(release);
    machine.advance(1500);
    machine.insmod('livepatch-shadow-fix1');
    machine.advance(20_000);
    const freed = machine.dmesg().filter((line) => /fix1_dummy_(free|leak)/.test(line));
    const outcome = ', prevented leak @ \\w{16}';
    expect(freed[0]).toMatch(
      new RegExp(`^livepatch_shadow_fix1: livepatch_fix1_${where}: dummy @ \\w{16}${outcome}$`),
    );
    expect(freed[1]).toMatch(
      /^livepatch_shadow_fix1: livepatch_fix1_dummy_free: dummy @ \w{16} leaked!$/,
    );
    const { shadows } = machine.kernel.livepatch;
    machine.echo('0', 'livepatch_shadow_fix1/enabled');
    machine.advance(3000);
    machine.dmesg();
    const left = shadows.get(1)?.size ?? 0;
    expect(left).toBeGreaterThan(0);
    expect(machine.rmmod('livepatch_shadow_fix1')).toBe('ok');
    expect(shadows.get(1)?.size).toBe(0);
    expect(machine.dmesg().filter((line) => /leak_dtor/.test(line))).toHaveLength(
      hasDestructor ? left : 0,
    );
  },
);

test.each([
  ['4.15', ''],
  ['6.1', 'livepatch_fix2_dummy_leak_dtor: dummy @ P, prevented leak @ P\n'],
] as const)('on %s fix2 counts how often each was looked at, on top of fix1', (release, before) => {
  const machine = leaking(release);
  machine.insmod('livepatch-shadow-fix1');
  machine.insmod('livepatch-shadow-fix2');
  machine.advance(20_000);
  const freed = machine.dmesg().filter((line) => /dummy_(free|leak)/.test(line));
  const text = freed
    .join('\n')
    .replaceAll('livepatch_shadow_fix2: ', '')
    .replaceAll(/\b\w{16}\b/g, 'P');
  expect(text.startsWith(`${before}livepatch_fix2_dummy_free: dummy @ P, check counter = `)).toBe(
    true,
  );
  expect(freed.filter((line) => /fix1|shadow_mod/.test(line))).toEqual([]);
});

test('removing the module frees every dummy that is left', () => {
  const machine = leaking();
  machine.advance(5500);
  machine.dmesg();
  expect(machine.rmmod('livepatch_shadow_mod')).toBe('ok');
  expect(machine.dmesg().filter((line) => /dummy_free/.test(line))).toHaveLength(5);
});

/** Source: tools/testing/selftests/livepatch/test-shadow-vars.sh. */
const SELFTEST = `
klp_shadow_get(obj=PTR1, id=0x1234) = PTR0
  got expected NULL result
shadow_ctor: PTR3 -> PTR2
klp_shadow_get_or_alloc(obj=PTR1, id=0x1234, size=8, gfp_flags=GFP_KERNEL), ctor=PTR4, ctor_data=PTR2 = PTR3
shadow_ctor: PTR6 -> PTR5
klp_shadow_alloc(obj=PTR1, id=0x1235, size=8, gfp_flags=GFP_KERNEL), ctor=PTR4, ctor_data=PTR5 = PTR6
shadow_ctor: PTR8 -> PTR7
klp_shadow_alloc(obj=PTR9, id=0x1234, size=8, gfp_flags=GFP_KERNEL), ctor=PTR4, ctor_data=PTR7 = PTR8
shadow_ctor: PTR11 -> PTR10
klp_shadow_alloc(obj=PTR9, id=0x1235, size=8, gfp_flags=GFP_KERNEL), ctor=PTR4, ctor_data=PTR10 = PTR11
shadow_ctor: PTR13 -> PTR12
klp_shadow_get_or_alloc(obj=PTR14, id=0x1234, size=8, gfp_flags=GFP_KERNEL), ctor=PTR4, ctor_data=PTR12 = PTR13
shadow_ctor: PTR16 -> PTR15
klp_shadow_alloc(obj=PTR14, id=0x1235, size=8, gfp_flags=GFP_KERNEL), ctor=PTR4, ctor_data=PTR15 = PTR16
klp_shadow_get(obj=PTR1, id=0x1234) = PTR3
  got expected PTR3 -> PTR2 result
klp_shadow_get(obj=PTR1, id=0x1235) = PTR6
  got expected PTR6 -> PTR5 result
klp_shadow_get(obj=PTR9, id=0x1234) = PTR8
  got expected PTR8 -> PTR7 result
klp_shadow_get(obj=PTR9, id=0x1235) = PTR11
  got expected PTR11 -> PTR10 result
klp_shadow_get(obj=PTR14, id=0x1234) = PTR13
  got expected PTR13 -> PTR12 result
klp_shadow_get(obj=PTR14, id=0x1235) = PTR16
  got expected PTR16 -> PTR15 result
klp_shadow_get_or_alloc(obj=PTR1, id=0x1234, size=8, gfp_flags=GFP_KERNEL), ctor=PTR4, ctor_data=PTR2 = PTR3
  got expected PTR3 -> PTR2 result
klp_shadow_get_or_alloc(obj=PTR9, id=0x1234, size=8, gfp_flags=GFP_KERNEL), ctor=PTR4, ctor_data=PTR7 = PTR8
  got expected PTR8 -> PTR7 result
klp_shadow_get_or_alloc(obj=PTR14, id=0x1234, size=8, gfp_flags=GFP_KERNEL), ctor=PTR4, ctor_data=PTR12 = PTR13
  got expected PTR13 -> PTR12 result
shadow_dtor(obj=PTR1, shadow_data=PTR3)
klp_shadow_free(obj=PTR1, id=0x1234, dtor=PTR17)
klp_shadow_get(obj=PTR1, id=0x1234) = PTR0
  got expected NULL result
shadow_dtor(obj=PTR9, shadow_data=PTR8)
klp_shadow_free(obj=PTR9, id=0x1234, dtor=PTR17)
klp_shadow_get(obj=PTR9, id=0x1234) = PTR0
  got expected NULL result
shadow_dtor(obj=PTR14, shadow_data=PTR13)
klp_shadow_free(obj=PTR14, id=0x1234, dtor=PTR17)
klp_shadow_get(obj=PTR14, id=0x1234) = PTR0
  got expected NULL result
klp_shadow_get(obj=PTR1, id=0x1235) = PTR6
  got expected PTR6 -> PTR5 result
klp_shadow_get(obj=PTR9, id=0x1235) = PTR11
  got expected PTR11 -> PTR10 result
klp_shadow_get(obj=PTR14, id=0x1235) = PTR16
  got expected PTR16 -> PTR15 result
klp_shadow_free_all(id=0x1235, dtor=PTR0)
klp_shadow_get(obj=PTR1, id=0x1235) = PTR0
  got expected NULL result
klp_shadow_get(obj=PTR9, id=0x1235) = PTR0
  got expected NULL result
klp_shadow_get(obj=PTR14, id=0x1235) = PTR0
  got expected NULL result
`;

test('the selftest prints what its script compares', () => {
  const machine = new Machine({ release: '6.1', modules: builtinModules });
  machine.insmod('kthread-demo');
  machine.dmesg();
  expect(machine.insmod('test_klp_shadow_vars')).toBe('ok');
  expect(machine.dmesg()).toEqual(
    SELFTEST.trim()
      .split('\n')
      .map((line) => `test_klp_shadow_vars: ${line}`),
  );
  expect(machine.rmmod('test_klp_shadow_vars')).toBe('ok');
});

test('before 4.18 there is no such selftest', () => {
  const machine = new Machine({ release: '4.15', modules: builtinModules });
  expect(machine.insmod('test_klp_shadow_vars')).toBe('ENOENT');
});
