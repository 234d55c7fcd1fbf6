/*
 * The least that a FUSE file system in C can do: hello DIR [-s] [--timeout=SECONDS]
 *
 * What klpfs is measured against: libfuse 3's low-level interface, a fixed tree with the paths of a
 * machine's, six levels deep, the same short text in every file, direct_io. Writes are accepted and
 * forgotten. -s serves with one thread; --timeout is how long the kernel may remember names and
 * attributes (0: never). Stays in the foreground; ends when it is unmounted, or by a signal.
 */
#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 12)

#include <errno.h>
#include <fuse_lowlevel.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char TEXT[] = "1\n";

struct node {
	fuse_ino_t parent;
	const char *name;
	mode_t mode;
};

/* The number of a row is the inode number: 1 is the root. */
static const struct node NODES[] = {
	[1] = { 1, "", S_IFDIR | 0755 },
	[2] = { 1, "sys", S_IFDIR | 0755 },
	[3] = { 2, "kernel", S_IFDIR | 0755 },
	[4] = { 3, "livepatch", S_IFDIR | 0755 },
	[5] = { 4, "livepatch_sample", S_IFDIR | 0755 },
	[6] = { 5, "enabled", S_IFREG | 0644 },
	[7] = { 5, "vmlinux", S_IFDIR | 0755 },
	[8] = { 7, "patched", S_IFREG | 0444 },
	[9] = { 2, "module", S_IFDIR | 0755 },
	[10] = { 9, "livepatch_callbacks_demo", S_IFDIR | 0755 },
	[11] = { 10, "parameters", S_IFDIR | 0755 },
	[12] = { 11, "pre_patch_ret", S_IFREG | 0644 },
	[13] = { 1, "proc", S_IFDIR | 0755 },
	[14] = { 13, "cmdline", S_IFREG | 0444 },
};
#define NODE_COUNT (sizeof(NODES) / sizeof(NODES[0]))

static double timeout_s;

static struct stat stat_of(fuse_ino_t ino)
{
	struct stat st = { .st_ino = ino, .st_mode = NODES[ino].mode, .st_nlink = 1 };

	if (S_ISREG(st.st_mode))
		st.st_size = 4096;
	return st;
}

static void hello_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	for (fuse_ino_t ino = 2; ino < NODE_COUNT; ino++) {
		if (NODES[ino].parent != parent || strcmp(NODES[ino].name, name))
			continue;
		struct fuse_entry_param entry = {
			.ino = ino,
			.attr = stat_of(ino),
			.attr_timeout = timeout_s,
			.entry_timeout = timeout_s,
		};
		fuse_reply_entry(req, &entry);
		return;
	}
	fuse_reply_err(req, ENOENT);
}

static void hello_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st = stat_of(ino);

	(void)fi;
	fuse_reply_attr(req, &st, timeout_s);
}

/* A shell's `>` truncates: accepted, as sysfs does, without effect. */
static void hello_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
			  struct fuse_file_info *fi)
{
	(void)attr;
	(void)to_set;
	hello_getattr(req, ino, fi);
}

static void hello_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (S_ISDIR(NODES[ino].mode)) {
		fuse_reply_err(req, EISDIR);
		return;
	}
	fi->direct_io = 1;
	fuse_reply_open(req, fi);
}

static void reply_part(fuse_req_t req, const char *bytes, size_t length, off_t offset, size_t size)
{
	size_t left = (size_t)offset < length ? length - (size_t)offset : 0;

	fuse_reply_buf(req, left ? bytes + offset : NULL, left < size ? left : size);
}

static void hello_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		       struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	reply_part(req, TEXT, sizeof(TEXT) - 1, offset, size);
}

static void hello_write(fuse_req_t req, fuse_ino_t ino, const char *bytes, size_t size,
			off_t offset, struct fuse_file_info *fi)
{
	(void)ino;
	(void)bytes;
	(void)offset;
	(void)fi;
	fuse_reply_write(req, size);
}

static void hello_readdir(fuse_req_t req, fuse_ino_t directory, size_t size, off_t offset,
			  struct fuse_file_info *fi)
{
	char entries[4096];
	size_t length = 0;

	(void)fi;
	for (fuse_ino_t ino = 2; ino < NODE_COUNT; ino++) {
		if (NODES[ino].parent != directory)
			continue;
		struct stat st = stat_of(ino);
		size_t room = sizeof(entries) - length;
		size_t need = fuse_add_direntry(req, NULL, 0, NODES[ino].name, NULL, 0);

		fuse_add_direntry(req, entries + length, room, NODES[ino].name, &st,
				  (off_t)(length + need));
		length += need;
	}
	reply_part(req, entries, length, offset, size);
}

static const struct fuse_lowlevel_ops OPERATIONS = {
	.lookup = hello_lookup,
	.getattr = hello_getattr,
	.setattr = hello_setattr,
	.open = hello_open,
	.read = hello_read,
	.write = hello_write,
	.readdir = hello_readdir,
};

static int serve(struct fuse_session *session, const struct fuse_cmdline_opts *how)
{
	if (how->singlethread)
		return fuse_session_loop(session);

	struct fuse_loop_config *config = fuse_loop_cfg_create();

	if (!config)
		return -ENOMEM;
	fuse_loop_cfg_set_clone_fd(config, how->clone_fd);
	fuse_loop_cfg_set_max_threads(config, how->max_threads);
	int status = fuse_session_loop_mt(session, config);

	fuse_loop_cfg_destroy(config);
	return status;
}

int main(int argc, char *argv[])
{
	struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
	struct fuse_cmdline_opts how;
	const struct fuse_opt options[] = { { "--timeout=%lf", 0, 0 }, FUSE_OPT_END };
	int status = 1;

	if (fuse_opt_parse(&args, &timeout_s, options, NULL) || fuse_parse_cmdline(&args, &how) ||
	    !how.mountpoint) {
		fprintf(stderr, "usage: %s DIR [-s] [--timeout=SECONDS]\n", argv[0]);
		return 1;
	}
	struct fuse_session *session = fuse_session_new(&args, &OPERATIONS, sizeof(OPERATIONS), NULL);

	if (session && fuse_set_signal_handlers(session) == 0) {
		if (fuse_session_mount(session, how.mountpoint) == 0) {
			status = serve(session, &how) != 0;
			fuse_session_unmount(session);
		}
		fuse_remove_signal_handlers(session);
	}
	if (session)
		fuse_session_destroy(session);
	free(how.mountpoint);
	fuse_opt_free_args(&args);
	return status;
}
