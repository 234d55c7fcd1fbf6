/**
 * The nine scenarios of the callbacks document, line by line, with the modules of the 4.15 samples.
 *
 * Derived from Documentation/livepatch/callbacks.txt and tools/testing/selftests/livepatch/
 * test-callbacks.sh; where the document words a line otherwise than the code, the code counts.
 */
export const D = 'livepatch_callbacks_demo';
const M = 'livepatch_callbacks_mod';
const B = 'livepatch_callbacks_busymod';
const LIVE = '[MODULE_STATE_LIVE] Normal state';
const COMING = '[MODULE_STATE_COMING] Full formed, running module_init';
const GOING = '[MODULE_STATE_GOING] Going away';

type Which = 'pre_patch' | 'post_patch' | 'pre_unpatch' | 'post_unpatch';

/** What a callback of the patch says of an object: vmlinux, or a module and its state. */
const said = (patch: string, which: Which, ...objects: string[]) =>
  objects.map((object) => `${patch}: ${which}_callback: ${object}`).join('\n');
const live = (module: string) => `${module} -> ${LIVE}`;

/** All that is logged while a patch is enabled, or disabled, that nobody holds up. */
export const enabled = (patch: string, ...objects: string[]) => `
  enabling patch '${patch}'
  '${patch}': initializing patching transition
  ${said(patch, 'pre_patch', ...objects)}
  '${patch}': starting patching transition
  '${patch}': completing patching transition
  ${said(patch, 'post_patch', ...objects)}
  '${patch}': patching complete`;
export const disabled = (patch: string, ...objects: string[]) => `
  '${patch}': initializing unpatching transition
  ${said(patch, 'pre_unpatch', ...objects)}
  '${patch}': starting unpatching transition
  '${patch}': completing unpatching transition
  ${said(patch, 'post_unpatch', ...objects)}
  '${patch}': unpatching complete`;

/** The module comes while the patch is in force, and goes while it is. */
const applied = `
  applying patch '${D}' to loading module '${M}'
  ${said(D, 'pre_patch', `${M} -> ${COMING}`)}
  ${said(D, 'post_patch', `${M} -> ${COMING}`)}
  ${M}: ${M}_init`;
const reverted = `
  ${M}: ${M}_exit
  ${said(D, 'pre_unpatch', `${M} -> ${GOING}`)}
  reverting patch '${D}' on unloading module '${M}'
  ${said(D, 'post_unpatch', `${M} -> ${GOING}`)}`;

export const SCENARIOS: Readonly<Record<string, string>> = {
  '1: the target is there before the patch, and after it': `
    $ insmod livepatch-callbacks-mod
    $ insmod livepatch-callbacks-demo
    $ echo 0 > ${D}/enabled
    $ rmmod ${D}
    $ rmmod ${M}
    $ dmesg
    ${M}: ${M}_init
    ${enabled(D, 'vmlinux', live(M))}
    ${disabled(D, 'vmlinux', live(M))}
    ${M}: ${M}_exit
  `,
  '2: the target comes while the patch is in force': `
    $ insmod ${D}
    $ insmod ${M}
    $ echo 0 > ${D}/enabled
    $ rmmod ${D}
    $ rmmod ${M}
    $ dmesg
    ${enabled(D, 'vmlinux')}
    ${applied}
    ${disabled(D, 'vmlinux', live(M))}
    ${M}: ${M}_exit
  `,
  '3: the target goes while the patch is in force': `
    $ insmod ${M}
    $ insmod ${D}
    $ rmmod ${M}
    $ echo 0 > ${D}/enabled
    $ rmmod ${D}
    $ dmesg
    ${M}: ${M}_init
    ${enabled(D, 'vmlinux', live(M))}
    ${reverted}
    ${disabled(D, 'vmlinux')}
  `,
  '4: the target comes and goes while the patch is in force': `
    $ insmod ${D}
    $ insmod ${M}
    $ rmmod ${M}
    $ echo 0 > ${D}/enabled
    $ rmmod ${D}
    $ dmesg
    ${enabled(D, 'vmlinux')}
    ${applied}
    ${reverted}
    ${disabled(D, 'vmlinux')}
  `,
  '5: the target never comes': `
    $ insmod ${D}
    $ echo 0 > ${D}/enabled
    $ rmmod ${D}
    $ dmesg
    ${enabled(D, 'vmlinux')}
    ${disabled(D, 'vmlinux')}
  `,
  '6: pre_patch refuses the patch: nothing was patched, so no other callback runs': `
    $ insmod ${M}
    $ insmod ${D} pre_patch_ret=-19
    ENODEV
    $ ls
    $ rmmod ${M}
    $ dmesg
    ${M}: ${M}_init
    enabling patch '${D}'
    '${D}': initializing patching transition
    ${said(D, 'pre_patch', 'vmlinux')}
    pre-patch callback failed for object 'vmlinux'
    failed to enable patch '${D}'
    '${D}': canceling patching transition, going to unpatch
    '${D}': completing unpatching transition
    '${D}': unpatching complete
    ${M}: ${M}_exit
  `,
  '7: pre_patch refuses the target': `
    $ insmod ${D}
    $ echo -19 > sys/module/${D}/parameters/pre_patch_ret
    $ insmod ${M}
    ENODEV
    $ ls sys/module
    ${D}
    $ echo 0 > ${D}/enabled
    $ rmmod ${D}
    $ dmesg
    ${enabled(D, 'vmlinux')}
    applying patch '${D}' to loading module '${M}'
    ${said(D, 'pre_patch', `${M} -> ${COMING}`)}
    pre-patch callback failed for object '${M}'
    patch '${D}' failed for module '${M}', refusing to load module '${M}'
    ${disabled(D, 'vmlinux')}
  `,
  '8: two targets, one of which comes and goes': `
    $ insmod ${B} sleep_secs=0
    $ sleep 1
    $ insmod ${D}
    $ insmod ${M}
    $ rmmod ${M}
    $ echo 0 > ${D}/enabled
    $ rmmod ${D}
    $ rmmod ${B}
    $ dmesg
    ${B}: ${M}_init
    ${B}: busymod_work_func, sleeping 0 seconds ...
    ${B}: busymod_work_func exit
    ${enabled(D, 'vmlinux', live(B))}
    ${applied}
    ${reverted}
    ${disabled(D, 'vmlinux', live(B))}
    ${B}: ${M}_exit
  `,
  '9: a target sleeps in what is to be patched; what it never came to is taken back at once': `
    $ insmod ${B} sleep_secs=30
    $ sleep 1
    $ insmod ${D}
    $ cat ${D}/transition
    1
    $ insmod ${M}
    $ rmmod ${M}
    $ echo 0 > ${D}/enabled
    $ sleep 2
    $ cat ${D}/transition
    0
    $ rmmod ${D}
    $ dmesg
    ${B}: ${M}_init
    ${B}: busymod_work_func, sleeping 30 seconds ...
    enabling patch '${D}'
    '${D}': initializing patching transition
    ${said(D, 'pre_patch', 'vmlinux', live(B))}
    '${D}': starting patching transition
    klp_check_stack: kworker/0:0:3 is sleeping on function busymod_work_func
    applying patch '${D}' to loading module '${M}'
    ${said(D, 'pre_patch', `${M} -> ${COMING}`)}
    ${M}: ${M}_init
    ${M}: ${M}_exit
    reverting patch '${D}' on unloading module '${M}'
    ${said(D, 'post_unpatch', `${M} -> ${GOING}`)}
    '${D}': reversing transition from patching to unpatching
    '${D}': starting unpatching transition
    '${D}': completing unpatching transition
    ${said(D, 'post_unpatch', 'vmlinux', live(B))}
    '${D}': unpatching complete
    $ sleep 30
    $ rmmod ${B}
    $ dmesg
    ${B}: busymod_work_func exit
    ${B}: ${M}_exit
  `,
};
