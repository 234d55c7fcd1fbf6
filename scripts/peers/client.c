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

struct shared {
	uint64_t start_ns;
	struct client clients[];
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

/* Tells `ready` that it is, and begins when `go` is closed. */
static void run_client(const struct operation *operation, const char *path, struct client *client,
		       uint64_t count, int ready, int go)
{
	struct target target = open_target(operation, path);
	char nothing;

	for (int i = 0; i < WARM_UP && operation->flags != O_RDWR; i++)
		operation->perform(&target);
	if (write(ready, "r", 1) != 1 || read(go, &nothing, 1) != 0)
		errx(1, "the other clients are gone");
	client->end_ns = client->end_ns ? ns_of(CLOCK_MONOTONIC) + client->end_ns : UINT64_MAX;
	repeat(operation, &target, client, count);
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

int main(int argc, char *argv[])
{
	int clients = 1;
	uint64_t duration_ns = 400000000;
	uint64_t count = 0;
	pid_t server = 0;

	for (int option; (option = getopt(argc, argv, "n:t:c:s:")) != -1;) {
		if (option == 'n')
			clients = atoi(optarg);
		else if (option == 't')
			duration_ns = strtoull(optarg, NULL, 10) * 1000000;
		else if (option == 'c')
			count = strtoull(optarg, NULL, 10);
		else if (option == 's')
			server = atoi(optarg);
		else
			return 2;
	}
	const struct operation *operation = find_operation(argv[optind]);
	const char *path = argv[optind + 1];

	if (!path || clients < 1 || clients > MAX_CLIENTS)
		errx(2, "usage: %s OPERATION PATH [-n CLIENTS] [-t MS | -c COUNT] [-s PID]", argv[0]);

	clockid_t cpu = CLOCK_PROCESS_CPUTIME_ID;
	int ready[2], go[2];

	if (server && (errno = clock_getcpuclockid(server, &cpu)))
		err(1, "process %d", server);
	if (pipe(ready) || pipe(go))
		err(1, "pipe");
	struct shared *shared = mmap(NULL, sizeof(*shared) + sizeof(struct client) * (size_t)clients,
				     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		err(1, "mmap");
	for (int i = 0; i < clients; i++) {
		struct client *client = &shared->clients[i];

		if (fork() != 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(go[1]);
		client->end_ns = count ? 0 : duration_ns;
		run_client(operation, path, client,
			   count ? count / (uint64_t)clients : UINT64_MAX, ready[1], go[0]);
		_exit(0);
	}
	close(ready[1]);
	for (int i = 0; i < clients; i++) {
		char nothing;

		if (read(ready[0], &nothing, 1) != 1)
			exit(1);
	}
	uint64_t cpu_ns = ns_of(cpu);

	shared->start_ns = ns_of(CLOCK_MONOTONIC);
	close(go[1]);
	await_clients(clients);
	cpu_ns = server ? ns_of(cpu) - cpu_ns : 0;

	struct client *all = calloc(1, sizeof(*all));

	if (!all)
		err(1, "calloc");
	for (int i = 0; i < clients; i++)
		add(all, &shared->clients[i]);
	report(all, shared->start_ns, cpu_ns);
	return 0;
}
