/*
 * Clients of a mount, the same for everybody: client OPERATION PATH [-n CLIENTS] [-t MS | -c COUNT] [-s PID]
 *
 *   pread   reads an open file at offset 0
 *   probe   the same, a millisecond apart
 *   orc     opens, reads, closes
 *   stat    asks for the attributes
 *   write   writes "0\n" into an open file
 *   toggle  writes "0\n" and "1\n" in turns, beginning with what the file does not say
 *
 * Runs so many clients (1), each a process of its own, for so long (400 ms), or until all of them
 * together have done so many operations. Prints as JSON how many operations that was, how many in a
 * second, how long one took (in microseconds), and how much cpu time process PID took for each.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CLIENTS = 256, WARM_UP = 20 };

/* Durations by their highest bits: a bucket is less than one percent wide. */
enum { FINE_BITS = 7, FINE = 1 << FINE_BITS, BUCKETS = (64 - FINE_BITS) * FINE };

struct client {
	uint64_t operations;
	uint64_t end_ns;
	uint64_t longest_ns;
	uint32_t buckets[BUCKETS];
};

struct target {
	const char *path;
	int fd;
	bool one;
};

struct operation {
	const char *name;
	int flags;
	void (*perform)(struct target *target);
	long pause_ns;
};

static void check(bool done, const struct target *target)
{
	if (!done)
		err(1, "%s", target->path);
}

static void do_pread(struct target *target)
{
	char buffer[4096];

	check(pread(target->fd, buffer, sizeof(buffer), 0) > 0, target);
}

static void do_orc(struct target *target)
{
	char buffer[4096];
	int fd = open(target->path, O_RDONLY);

	check(fd >= 0, target);
	check(read(fd, buffer, sizeof(buffer)) > 0, target);
	close(fd);
}

static void do_stat(struct target *target)
{
	struct stat st;

	check(stat(target->path, &st) == 0, target);
}

static void do_write(struct target *target)
{
	check(pwrite(target->fd, "0\n", 2, 0) == 2, target);
}

static void do_toggle(struct target *target)
{
	target->one = !target->one;
	check(pwrite(target->fd, target->one ? "1\n" : "0\n", 2, 0) == 2, target);
}

static const struct operation OPERATIONS[] = {
	{ "pread", O_RDONLY, do_pread, 0 }, { "probe", O_RDONLY, do_pread, 1000000 },
	{ "orc", O_RDONLY, do_orc, 0 },	    { "stat", O_RDONLY, do_stat, 0 },
	{ "write", O_WRONLY, do_write, 0 }, { "toggle", O_RDWR, do_toggle, 0 },
};

static uint64_t ns_of(clockid_t clock)
{
	struct timespec time;

	if (clock_gettime(clock, &time))
		err(1, "clock_gettime");
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static int bucket_of(uint64_t ns)
{
	int shift = ns < FINE ? 0 : 63 - __builtin_clzll(ns) - FINE_BITS;

	return ns < FINE ? (int)ns : (shift + 1) * FINE + (int)(ns >> shift) - FINE;
}

static double ns_in_bucket(int bucket)
{
	int shift = bucket / FINE - 1;

	return bucket < FINE ? bucket : (bucket % FINE + FINE + 0.5) * (double)(1ULL << shift);
}

static void repeat(const struct operation *operation, struct target *target, struct client *client,
		   uint64_t count)
{
	struct timespec pause = { .tv_nsec = operation->pause_ns };
	uint64_t before = ns_of(CLOCK_MONOTONIC);

	while (before < client->end_ns && client->operations < count) {
		operation->perform(target);
		uint64_t after = ns_of(CLOCK_MONOTONIC);
		uint64_t ns = after - before;

		client->operations++;
		client->buckets[bucket_of(ns)]++;
		if (ns > client->longest_ns)
			client->longest_ns = ns;
		if (operation->pause_ns)
			nanosleep(&pause, NULL);
		before = operation->pause_ns ? ns_of(CLOCK_MONOTONIC) : after;
	}
	client->end_ns = before;
}

static struct target open_target(const struct operation *operation, const char *path)
{
	struct target target = { .path = path, .fd = open(path, operation->flags) };
	char first = 0;

	check(target.fd >= 0, &target);
	if (operation->flags == O_RDWR) {
		check(pread(target.fd, &first, 1, 0) == 1, &target);
		target.one = first == '1';
	}
	return target;
}

static void await_clients(int clients)
{
	bool failed = false;
	int status;

	while (clients-- > 0)
		if (wait(&status) < 0 || status != 0)
			failed = true;
	if (failed)
		exit(1);
}

static double quantile_us(const struct client *all, double share)
{
	uint64_t wanted = (uint64_t)((double)(all->operations - 1) * share);
	uint64_t seen = 0;
	int bucket = 0;

	while ((seen += all->buckets[bucket]) <= wanted)
		bucket++;
	return ns_in_bucket(bucket) / 1000;
}

static void add(struct client *all, const struct client *client)
{
	all->operations += client->operations;
	if (client->longest_ns > all->longest_ns)
		all->longest_ns = client->longest_ns;
	if (client->end_ns > all->end_ns)
		all->end_ns = client->end_ns;
	for (int bucket = 0; bucket < BUCKETS; bucket++)
		all->buckets[bucket] += client->buckets[bucket];
}

static void report(struct client *all, uint64_t start_ns, uint64_t cpu_ns)
{
	double operations = (double)all->operations;

	if (all->operations == 0)
		errx(1, "nothing was done");
	printf("{\"operations\": %.0f, \"perSecond\": %.1f, \"p50Us\": %.3f, \"p99Us\": %.3f, "
	       "\"maxUs\": %.3f, \"cpuUs\": %.3f}\n",
	       operations, operations * 1e9 / (double)(all->end_ns - start_ns),
	       quantile_us(all, 0.5), quantile_us(all, 0.99), (double)all->longest_ns / 1000,
	       (double)cpu_ns / 1000 / operations);
}

static const struct operation *find_operation(const char *name)
{
	for (size_t i = 0; i < sizeof(OPERATIONS) / sizeof(OPERATIONS[0]); i++)
		if (name && !strcmp(OPERATIONS[i].name, name))
			return &OPERATIONS[i];
	errx(2, "no operation %s", name ? name : "given");
}

/* What the arguments ask for. */
struct task {
	const struct operation *operation;
	const char *path;
	int clients;
	uint64_t duration_ns;
	uint64_t count;
	pid_t server;
};

static struct task parse_arguments(int argc, char *argv[])
{
	struct task task = { .clients = 1, .duration_ns = 400000000 };

	for (int option; (option = getopt(argc, argv, "n:t:c:s:")) != -1;) {
		if (option == 'n')
			task.clients = atoi(optarg);
		else if (option == 't')
			task.duration_ns = strtoull(optarg, NULL, 10) * 1000000;
		else if (option == 'c')
			task.count = strtoull(optarg, NULL, 10);
		else if (option == 's')
			task.server = atoi(optarg);
		else
			exit(2);
	}
	if (argc - optind != 2 || task.clients < 1 || task.clients > MAX_CLIENTS)
		errx(2, "usage: %s OPERATION PATH [-n CLIENTS] [-t MS | -c COUNT] [-s PID]", argv[0]);
	task.operation = find_operation(argv[optind]);
	task.path = argv[optind + 1];
	return task;
}

/* Tells `ready` that it is, and begins when `go` is closed. */
static void run_client(const struct task *task, struct client *client, int ready, int go)
{
	struct target target = open_target(task->operation, task->path);
	uint64_t count = task->count ? task->count / (uint64_t)task->clients : UINT64_MAX;
	char nothing;

	for (int i = 0; i < WARM_UP && task->operation->flags != O_RDWR; i++)
		task->operation->perform(&target);
	/* Closed, so that the end of one that fails is seen. */
	if (write(ready, "r", 1) != 1 || close(ready) || read(go, &nothing, 1) != 0)
		errx(1, "the other clients are gone");
	client->end_ns = task->count ? UINT64_MAX : ns_of(CLOCK_MONOTONIC) + task->duration_ns;
	repeat(task->operation, &target, client, count);
}

/* Starts all clients, and returns when all of them are ready; closing the result lets them go. */
static int start_clients(const struct task *task, struct client clients[])
{
	int ready[2], go[2];
	char nothing;

	if (pipe(ready) || pipe(go))
		err(1, "pipe");
	for (int i = 0; i < task->clients; i++) {
		pid_t pid = fork();

		if (pid < 0)
			err(1, "fork");
		if (pid > 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(go[1]);
		run_client(task, &clients[i], ready[1], go[0]);
		_exit(0);
	}
	close(ready[1]);
	for (int i = 0; i < task->clients; i++)
		if (read(ready[0], &nothing, 1) != 1)
			exit(1);
	return go[1];
}

int main(int argc, char *argv[])
{
	struct task task = parse_arguments(argc, argv);
	size_t size = sizeof(struct client) * (size_t)task.clients;
	struct client *clients = mmap(NULL, size, PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct client *all = calloc(1, sizeof(*all));
	clockid_t cpu = CLOCK_PROCESS_CPUTIME_ID;

	if (clients == MAP_FAILED || !all)
		err(1, "memory");
	if (task.server && (errno = clock_getcpuclockid(task.server, &cpu)))
		err(1, "process %d", task.server);

	int go = start_clients(&task, clients);
	uint64_t cpu_ns = ns_of(cpu);
	uint64_t start_ns = ns_of(CLOCK_MONOTONIC);

	close(go);
	await_clients(task.clients);
	cpu_ns = task.server ? ns_of(cpu) - cpu_ns : 0;
	for (int i = 0; i < task.clients; i++)
		add(all, &clients[i]);
	report(all, start_ns, cpu_ns);
	return 0;
}
