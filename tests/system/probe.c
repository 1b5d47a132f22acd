/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an attacker would try from inside a container and a shell cannot: one
 * attempt per call, the outcome as one word on stdout ("ok" or the errno's
 * name). Static, so that it runs in any root file system.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

static int outcome(long r)
{
	puts(r >= 0 ? "ok" : strerrorname_np(errno));
	return 0;
}

static int probe_syscall(int argc, char **argv)
{
	long a[6] = {0};
	for (int i = 1; i < argc && i < 7; i++)
		a[i - 1] = strtol(argv[i], NULL, 0);
	return outcome(syscall(strtol(argv[0], NULL, 0), a[0], a[1], a[2], a[3], a[4], a[5]));
}

static int probe_socket(int argc, char **argv)
{
	return outcome(socket(atoi(argv[0]), argc > 1 ? atoi(argv[1]) : SOCK_SEQPACKET, 0));
}

/* FAMILY: a socket by the i386 entry of an x86-64 kernel, arguments in the low 4 GiB. */
static int probe_socketcall(int argc, char **argv)
{
#ifdef __x86_64__
	uint32_t *args = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int r;
	if (args == MAP_FAILED)
		return 1;
	args[0] = (uint32_t)atoi(argv[0]);
	args[1] = SOCK_STREAM;
	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(102), "b"(1), "c"(args)
			 : "memory", "r8", "r9", "r10", "r11");
	errno = r < 0 ? -r : 0;
	return outcome(r);
#else
	errno = ENOSYS;
	return outcome(-1);
#endif
}

static int probe_clone(int argc, char **argv)
{
	long pid = syscall(SYS_clone, strtol(argv[0], NULL, 0) | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0)
		_exit(0);
	return outcome(pid);
}

static int probe_unshare(int argc, char **argv)
{
	return outcome(unshare((int)strtol(argv[0], NULL, 0)));
}

static int probe_tiocsti(int argc, char **argv)
{
	return outcome(ioctl(0, TIOCSTI, "x"));
}

static int probe_keyring(int argc, char **argv)
{
	long id = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
	if (id < 0)
		return outcome(id);
	printf("%ld\n", id);
	return 0;
}

/* mknod + open of a device in the current directory: TYPE MAJOR MINOR */
static int probe_device(int argc, char **argv)
{
	dev_t dev = makedev((unsigned)atoi(argv[1]), (unsigned)atoi(argv[2]));
	unlink("probe-dev");
	if (mknod("probe-dev", (argv[0][0] == 'b' ? S_IFBLK : S_IFCHR) | 0600, dev) < 0)
		return outcome(-1);
	return outcome(open("probe-dev", O_RDONLY | O_NONBLOCK));
}

static int probe_personality(int argc, char **argv)
{
	return outcome(personality(strtoul(argv[0], NULL, 0)));
}

/* PATH: opens for writing and writes one byte, without truncating. */
static int probe_write(int argc, char **argv)
{
	int fd = open(argv[0], O_WRONLY);
	return outcome(fd < 0 ? -1 : write(fd, "x", 1));
}

static int probe_dup_fds(int argc, char **argv)
{
	/* how many descriptors above 2 were given to us */
	int n = 0;
	for (int fd = 3; fd < 4096; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	printf("%d\n", n);
	return 0;
}

static int probe_getcwd(int argc, char **argv)
{
	char cwd[4096];
	long n = syscall(SYS_getcwd, cwd, sizeof(cwd));
	puts(n < 0 ? strerrorname_np(errno) : cwd);
	return 0;
}

/* --- watch: looks at every other process from inside while the host starts them --- */

static struct stat own_root;

static void look_at_link(const char *pid, const char *name)
{
	char path[300];
	struct stat st;
	snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
	if (stat(path, &st) < 0)
		return;
	if (strcmp(name, "root") == 0 &&
	    (st.st_dev != own_root.st_dev || st.st_ino != own_root.st_ino))
		printf("SEEN root of %s is not ours\n", pid);
	if (strcmp(name, "cwd") == 0 && st.st_dev != own_root.st_dev)
		printf("SEEN cwd of %s is on another file system\n", pid);
}

static void look_at_fds(const char *pid)
{
	char path[300];
	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	DIR *d = opendir(path);
	struct dirent *e;
	while (d && (e = readdir(d))) {
		char file[600];
		struct stat st;
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		if (e->d_name[0] == '.' || stat(file, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode) &&
		    (st.st_dev != own_root.st_dev || st.st_ino != own_root.st_ino))
			printf("SEEN a directory of the host at %s\n", file);
	}
	if (d)
		closedir(d);
}

/* Writes back the byte that stands there: proof enough, and nothing is damaged if it works. */
static int try_overwrite(int path_fd)
{
	char path[64], byte;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", path_fd);
	int fd = open(path, O_RDWR);
	if (fd < 0)
		return errno;
	int r = pread(fd, &byte, 1, 0) == 1 && pwrite(fd, &byte, 1, 0) == 1 ? 0 : errno;
	close(fd);
	return r;
}

/* While somebody executes it the answer is ETXTBSY: an attacker waits. */
static int wait_and_overwrite(int path_fd, int seconds)
{
	time_t end = time(NULL) + seconds;
	int r;
	while ((r = try_overwrite(path_fd)) == ETXTBSY && time(NULL) < end)
		usleep(20000);
	return r;
}

/* FD FILE: tries for 5 s and leaves the outcome in FILE. */
static int probe_overwrite(int argc, char **argv)
{
	int r = wait_and_overwrite(atoi(argv[0]), 5);
	char temp[300];
	snprintf(temp, sizeof(temp), "%s.new", argv[1]);
	FILE *f = fopen(temp, "w");
	if (!f)
		return 1;
	fprintf(f, "%s\n", r ? strerrorname_np(r) : "OVERWRITTEN");
	fclose(f);
	return rename(temp, argv[1]) < 0;
}

static int exe_fd = -1;

/* The first foreign program that shows up is kept, and attacked at the end. */
static void look_at_exe(const char *pid)
{
	char path[300];
	struct stat st;
	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	if (exe_fd >= 0 || stat(path, &st) < 0)
		return;
	struct stat own;
	if (stat("/bin/busybox", &own) < 0 || (st.st_dev == own.st_dev && st.st_ino == own.st_ino))
		return;
	exe_fd = open(path, O_PATH);
}

static int probe_watch(int argc, char **argv)
{
	time_t end = time(NULL) + atoi(argv[0]);
	long rounds = 0;
	int seen_pids = 0, last = 0;
	stat("/", &own_root);
	while (time(NULL) < end) {
		DIR *d = opendir("/proc");
		struct dirent *e;
		while (d && (e = readdir(d))) {
			int pid = atoi(e->d_name);
			if (pid <= 1 || pid == getpid())
				continue;
			if (pid != last)
				seen_pids++;
			last = pid;
			look_at_link(e->d_name, "root");
			look_at_link(e->d_name, "cwd");
			look_at_fds(e->d_name);
			look_at_exe(e->d_name);
		}
		if (d)
			closedir(d);
		rounds++;
	}
	if (exe_fd >= 0 && wait_and_overwrite(exe_fd, 2) == 0)
		printf("SEEN a program of the host could be overwritten\n");
	printf("watched %d processes, %s\n", seen_pids, exe_fd >= 0 ? "a runtime" : "no runtime");
	return rounds > 0 ? 0 : 1;
}

/* A B: exchanges two names for ever (the race of CVE-2021-30465). */
static int probe_exchange(int argc, char **argv)
{
	while (renameat2(AT_FDCWD, argv[0], AT_FDCWD, argv[1], RENAME_EXCHANGE) == 0)
		;
	return outcome(-1);
}

static const struct {
	const char *name;
	int words;
	int (*run)(int argc, char **argv);
} probes[] = {
	{"syscall", 1, probe_syscall},
	{"socket", 1, probe_socket},
	{"socketcall", 1, probe_socketcall},
	{"clone", 1, probe_clone},
	{"unshare", 1, probe_unshare},
	{"tiocsti", 0, probe_tiocsti},
	{"keyring", 0, probe_keyring},
	{"device", 3, probe_device},
	{"personality", 1, probe_personality},
	{"write", 1, probe_write},
	{"count-fds", 0, probe_dup_fds},
	{"getcwd", 0, probe_getcwd},
	{"watch", 1, probe_watch},
	{"exchange", 2, probe_exchange},
	{"overwrite", 2, probe_overwrite},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(probes) / sizeof(probes[0]); i++)
		if (strcmp(argv[1], probes[i].name) == 0 && argc - 2 >= probes[i].words)
			return probes[i].run(argc - 2, argv + 2);
	fprintf(stderr, "probe: unknown attempt\n");
	return 2;
}
