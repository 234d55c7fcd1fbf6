/** The function tracer on a real mount: by shells and cat, and by the commands of docs/tracing.md. */
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../support/clients.ts';
import { mountMachine } from './mounted.ts';

const LOADED = 'cpus: 1\nload: [livepatch-sample]\n';
const ROOT = resolve(import.meta.dirname, '../..');

test('the sessions of docs/tracing.md are answered as shown', async () => {
  const { errors, status } = await run(process.execPath, [
    resolve(ROOT, 'dist/scripts/playSessions.js'),
    '--quiet',
    resolve(ROOT, 'docs/tracing.md'),
  ]);
  expect([errors, status]).toEqual(['', 0]);
}, 60_000);

test('> begins a filter anew, >> adds to it, and an empty line takes it away', async () => {
  const { sh } = await mountMachine(LOADED);
  const script = `cd $M/sys/kernel/debug/tracing
    f=set_ftrace_filter
    echo schedule > $f; echo vfs_read >> $f; cat $f
    echo 'seq_put* !seq_puts' > $f || echo refused; cat $f; echo nosuch > $f; cat $f
    echo > $f; cat $f; echo vfs_read > $f; : > $f; cat $f`;
  const { output, errors } = await sh(script);
  expect(output.split('\n')).toEqual([
    'schedule',
    'vfs_read',
    '#### all functions enabled ####',
    '#### all functions enabled ####',
    '#### all functions enabled ####',
    '#### all functions enabled ####',
    '',
  ]);
  expect(errors).toMatch(/write error: Invalid argument/);
});

// biome-ignore format: the columns are the point
test.each([
  ['4.15', '0 1'],
  ['6.1',  '1 2'],
])('%s: how much is traced while a shell has the trace open, and with one call after it', async (release, counts) => {
  const { sh } = await mountMachine(`release: "${release}"\n${LOADED}`);
  const script = `cd $M/sys/kernel/tracing
    echo livepatch_cmdline_proc_show > set_ftrace_filter; echo function > current_tracer
    exec 3< trace; cat $M/proc/cmdline > /dev/null; exec 3<&-; before=$(grep -vc '^#' trace)
    cat $M/proc/cmdline > /dev/null; echo $before $(grep -vc '^#' trace)`;
  expect(await sh(script)).toMatchObject({ output: `${counts}\n`, errors: '' });
});

test('cat of trace_pipe waits for longer than a read may, and ends when tracing goes off', async () => {
  const { sh } = await mountMachine(LOADED);
  const script = `cd $M/sys/kernel/tracing
    echo livepatch_cmdline_proc_show > set_ftrace_filter; echo function > current_tracer
    cat trace_pipe & sleep 1.5; cat $M/proc/cmdline > /dev/null
    sleep 0.5; echo 0 > tracing_on; wait; grep -c -v '^#' trace`;
  const { output } = await sh(script);
  expect(output).toMatch(
    /^ +klpfs-client-\d+ +\[000\] \.{4} +\d+\.\d{6}: livepatch_cmdline_proc_show <-seq_read\n0\n$/,
  );
}, 20_000);
