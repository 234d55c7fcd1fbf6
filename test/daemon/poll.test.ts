/** poll(2) on files that wait for something: the kernel log, the trace. */
import { expect, test } from 'vitest';
import { TRANSPORT } from '../support/transport.ts';
import { mountMachine } from './mounted.ts';

const LOADED = 'release: "6.1"\ncpus: 1\nload: [livepatch-sample]\n';

/** What poll(2) answers at once, when all is read, and when something happens while it waits. */
const POLLER = `
import os, select, subprocess, sys, time
path, event, text = sys.argv[1:]
fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
poll = select.poll()
poll.register(fd, select.POLLIN)
print('at first', poll.poll(0) != [])
try:
    while os.read(fd, 8192): pass
except BlockingIOError: pass
print('when all is read', poll.poll(0) != [])
start = time.monotonic()
happening = subprocess.Popen(['bash', '-c', 'sleep 0.3; ' + event])
print('woken', poll.poll(20000) != [], 0.1 < time.monotonic() - start < 10)
happening.wait()
print('text', text in os.read(fd, 8192).decode())`;

const TRACING = '$M/sys/kernel/tracing';

// biome-ignore format: the columns are the point
test.runIf(TRANSPORT.capabilities.poll).each([
  ['$M/dev/kmsg',            'true',                                            'echo hello > $M/dev/kmsg',        'hello'],
  [`${TRACING}/trace_pipe`,  `echo cmdline_proc_show > ${TRACING}/set_ftrace_filter; echo function > ${TRACING}/current_tracer; cat $M/proc/cmdline`, 'cat $M/proc/cmdline >/dev/null', 'cmdline_proc_show'],
])('who polls %s sleeps until there is something', async (path, before, event, text) => {
  const { sh } = await mountMachine(LOADED);

  const { output, errors } = await sh(`{ ${before}; } >/dev/null
python3 - "${path}" '${event}' '${text}' <<'PYTHON'
${POLLER}
PYTHON`);

  expect(errors).toBe('');
  expect(output.trim().split('\n')).toEqual([
    'at first True',
    'when all is read False',
    'woken True True',
    'text True',
  ]);
});
