/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What code that took over a confined worker would try. Each attempt runs in
 * a child that has gone through confine(), and must fail there. Skipped
 * without root.
 */
#include <worker/confine.h>

#include <base/path.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <cmocka.h>

struct fixture {
	char dir[64];
	char *root, *outside;
	struct worker w;
	int outside_fd;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct crl_err err;

	strcpy(f->dir, "/tmp/crl-confine-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	f->root = path_printf("%s/root", f->dir);
	f->outside = path_printf("%s/outside", f->dir);
	f->w.top_fd = -1;
	*state = f;
	if (mkdir(f->outside, 0777) < 0 || crl_store_open(f->root, &f->w.store, &err) < 0)
		return -1;
	f->outside_fd = open(f->outside, O_RDONLY | O_DIRECTORY);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct crl_err err;

	crl_store_close(f->w.store);
	close(f->outside_fd);
	int r = path_remove_tree(AT_FDCWD, f->dir, &err);
	free(f->root);
	free(f->outside);
	free(f);
	return r;
}

typedef bool (*attempt)(struct fixture *f);

/* 0 = the attempt returned false (it failed), 1 = it got through, 2 = confine() itself failed. */
static int inside(struct fixture *f, enum worker_cage cage, attempt try)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct crl_err err;
		if (confine(cage, &f->w, &err) < 0)
			_exit(2);
		/* Not _exit(): a sanitizer would tidy up first, with calls that the cage refuses.
		 */
		syscall(SYS_exit_group, try(f) ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}

static bool try_socket(struct fixture *f)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ||
	       socket(AF_NETLINK, SOCK_RAW, 0) >= 0;
}

static bool try_exec(struct fixture *f)
{
	char *const argv[] = {(char *)"true", NULL};

	execve("/bin/true", argv, NULL);
	return errno != EPERM; /* EPERM: refused as a call, not for a missing file */
}

static bool try_write_outside(struct fixture *f)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/pwned", f->outside);
	return open(path, O_CREAT | O_WRONLY, 0644) >= 0 ||
	       open("/etc/crl-pwned", O_CREAT | O_WRONLY, 0644) >= 0 ||
	       open("../outside/pwned", O_CREAT | O_WRONLY, 0644) >= 0 ||
	       open("../../../../../../etc/pwned", O_CREAT | O_WRONLY, 0644) >= 0;
}

static bool try_read_outside(struct fixture *f)
{
	return open("/etc/shadow", O_RDONLY) >= 0 || open("/proc/self/maps", O_RDONLY) >= 0 ||
	       open("../../etc/passwd", O_RDONLY) >= 0;
}

static bool try_mount(struct fixture *f)
{
	return mount("none", "/tmp", "tmpfs", 0, NULL) == 0 || unshare(CLONE_NEWNS) == 0 ||
	       syscall(SYS_fsopen, "tmpfs", 0) >= 0 ||
	       syscall(SYS_open_tree, AT_FDCWD, "/", 1) >= 0 || chroot("..") == 0;
}

static bool try_processes(struct fixture *f)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0 || kill(getppid(), 0) == 0 ||
	       fork() >= 0 || syscall(SYS_pidfd_open, getppid(), 0) >= 0;
}

static bool try_kernel(struct fixture *f)
{
	return syscall(SYS_bpf, 0, NULL, 0) >= 0 || errno != EPERM ||
	       syscall(SYS_io_uring_setup, 1, NULL) >= 0 || errno != EPERM ||
	       syscall(SYS_init_module, NULL, 0, "") >= 0 || errno != EPERM ||
	       syscall(SYS_setns, f->outside_fd, 0) >= 0 || errno != EPERM ||
	       syscall(SYS_keyctl, 0) >= 0 || errno != EPERM;
}

static bool try_privileges(struct fixture *f)
{
	struct rlimit core;

	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 || setuid(1000) == 0 ||
	       setgroups(0, NULL) == 0 || getrlimit(RLIMIT_CORE, &core) == 0;
}

static bool write_in(int dir, const char *name)
{
	return openat(dir, name, O_CREAT | O_WRONLY, 0644) >= 0;
}

static bool try_readers_writing(struct fixture *f)
{
	return write_in(f->w.store->tmp_fd, "x") ||
	       mkdirat(f->w.store->layers_fd, "x", 0755) == 0 ||
	       unlinkat(f->w.store->root_fd, "index.json", 0) == 0;
}

/* Only where Landlock is: without it the whole store may be written. */
static bool try_write_state(struct fixture *f)
{
	return write_in(f->w.store->root_fd, "state.db") ||
	       unlinkat(f->w.store->root_fd, "index.json", 0) == 0;
}

/* What the job needs still works: otherwise the tests above prove nothing. */
static bool try_needed(struct fixture *f)
{
	int tmp = f->w.store->tmp_fd;

	if (!write_in(tmp, "file") || mkdirat(tmp, "dir", 0755) < 0 ||
	    fchownat(tmp, "file", 1000, 1000, 0) < 0 || symlinkat("/etc", tmp, "link") < 0 ||
	    mknodat(tmp, "whiteout", S_IFCHR, makedev(0, 0)) < 0)
		return false;
	int dir = openat(tmp, "dir", O_RDONLY | O_DIRECTORY);
	return fsetxattr(dir, "trusted.overlay.opaque", "y", 1, 0) == 0 && syncfs(dir) == 0 &&
	       renameat(tmp, "dir", f->w.store->layers_fd, "moved") == 0;
}

/* A library of the container would have to become code first (CVE-2019-14271). */
static bool try_map_code(struct fixture *f)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED) /* then nothing is proved */
		return true;
	return mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0 ||
	       mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, f->outside_fd, 0) != MAP_FAILED;
}

static bool try_open(struct fixture *f)
{
	return open("/", O_RDONLY | O_DIRECTORY) >= 0 || openat(f->outside_fd, ".", O_PATH) >= 0 ||
	       mkdir("/tmp/crl-pwned", 0755) == 0;
}

/* Overlay's marks are the kernel's, and so are clocks, names and addresses. */
static bool try_entered(struct fixture *f)
{
	return fsetxattr(f->outside_fd, "trusted.overlay.opaque", "y", 1, 0) == 0 ||
	       sethostname("x", 1) == 0 || setns(f->outside_fd, 0) == 0 ||
	       syscall(SYS_open_by_handle_at, f->outside_fd, NULL, 0) >= 0 || errno != EPERM;
}

static bool try_entered_needed(struct fixture *f)
{
	int d = f->outside_fd;

	return mkdirat(d, "dir", 0700) == 0 && fchownat(d, "dir", 1000, 1000, 0) == 0 &&
	       mknodat(d, "null", S_IFCHR | 0600, makedev(1, 3)) == 0 &&
	       openat(d, "dir/x", O_CREAT | O_WRONLY, 0600) >= 0 && fchdir(d) == 0;
}

static void refuse(void **state, enum worker_cage cage, attempt try)
{
	if (geteuid() != 0)
		skip();
	assert_int_equal(inside(*state, cage, try), 0);
}

#define REFUSES(name)                                                                              \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		refuse(state, WORKER_UNPACKS, try_##name);                                         \
		refuse(state, WORKER_READS, try_##name);                                           \
	}
REFUSES(socket)
REFUSES(exec)
REFUSES(write_outside)
REFUSES(read_outside)
REFUSES(mount)
REFUSES(processes)
REFUSES(kernel)
REFUSES(privileges)

static void test_entered(void **state)
{
	static const attempt attempts[] = {try_socket, try_exec,       try_mount,    try_processes,
					   try_kernel, try_privileges, try_map_code, try_entered};

	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++)
		refuse(state, WORKER_ENTERS, attempts[i]);
	assert_int_equal(inside(*state, WORKER_ENTERS, try_entered_needed), 1);
}

static void test_relays(void **state)
{
	static const attempt attempts[] = {try_socket,    try_exec,          try_mount,
					   try_processes, try_kernel,        try_map_code,
					   try_open,      try_write_outside, try_read_outside};

	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++)
		refuse(state, WORKER_RELAYS, attempts[i]);
}

static void test_readers_writing(void **state)
{
	refuse(state, WORKER_READS, try_readers_writing);
}

static void test_write_state(void **state)
{
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 2)
		skip();
	refuse(state, WORKER_UNPACKS, try_write_state);
}

static void test_needed(void **state)
{
	if (geteuid() != 0)
		skip();
	assert_int_equal(inside(*state, WORKER_UNPACKS, try_needed), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_socket),          cmocka_unit_test(test_exec),
		cmocka_unit_test(test_write_outside),   cmocka_unit_test(test_read_outside),
		cmocka_unit_test(test_mount),           cmocka_unit_test(test_processes),
		cmocka_unit_test(test_kernel),          cmocka_unit_test(test_privileges),
		cmocka_unit_test(test_readers_writing), cmocka_unit_test(test_write_state),
		cmocka_unit_test(test_needed),          cmocka_unit_test(test_entered),
		cmocka_unit_test(test_relays),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
