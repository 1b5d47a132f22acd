/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crun-lite-init: process 1 of a container that was started with --init. Owns
 * nothing but its duty: start the command, hand signals on, reap whatever
 * becomes an orphan, end with the command's code. Static and without a heap,
 * because it lives in every such container and runs in any root.
 * See pid_namespaces(7), sigwaitinfo(2), wait(2), tcsetpgrp(3).
 *
 *	crun-lite-init [-g] [--] COMMAND [ARGUMENT...]
 *	-g  signals go to the command's whole process group
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_USAGE 125
#define EXIT_CANNOT_EXECUTE 126
#define EXIT_NOT_FOUND 127

static struct iovec part(const char *s)
{
	return (struct iovec){(char *)s, strlen(s)};
}

static void say(const char *what, const char *detail)
{
	const struct iovec line[] = {part("crun-lite-init: "), part(what), part(": "), part(detail),
				     part("\n")};
	(void)!writev(2, line, 5);
}

/* Signals that report a bug of our own must not wait in a queue. */
static void signals_to_handle(sigset_t *set)
{
	static const int own[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS};
	sigfillset(set);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(set, own[i]);
}

/* A command with a terminal needs a foreground group of its own, or ^C would reach us as well. */
static void become_foreground(void)
{
	(void)setpgid(0, 0);
	if (tcgetpgrp(0) < 0)
		return;
	sigset_t ttou, old;
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	(void)sigprocmask(SIG_BLOCK, &ttou, &old);
	(void)tcsetpgrp(0, getpid());
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
}

static void run_command(char **argv, const sigset_t *mask)
{
	become_foreground();
	(void)sigprocmask(SIG_SETMASK, mask, NULL);
	(void)execvp(argv[0], argv);
	int error = errno;
	say(argv[0], strerror(error));
	_exit(error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE);
}

/* Reaps everything that ended; the command's wait status through *ret_status. */
static bool reap(pid_t command, int *ret_status)
{
	bool over = false;
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == command) {
			*ret_status = status;
			over = true;
		}
	}
	return over;
}

/* After a stop signal to the command we must not stop: nobody could continue us. */
static void hand_on(pid_t command, bool group, int sig)
{
	if (kill(group ? -command : command, sig) < 0 && errno != ESRCH)
		say("kill", strerror(errno));
}

static int serve(pid_t command, bool group, const sigset_t *set)
{
	for (;;) {
		siginfo_t si;
		int status;
		int sig = sigwaitinfo(set, &si);
		if (sig < 0 && errno != EINTR) {
			say("sigwaitinfo", strerror(errno));
			return EXIT_USAGE;
		}
		if (sig == SIGCHLD) {
			if (reap(command, &status))
				return WIFEXITED(status) ? WEXITSTATUS(status)
							 : 128 + WTERMSIG(status);
		} else if (sig > 0) {
			hand_on(command, group, sig);
		}
	}
}

int main(int argc, char **argv)
{
	bool group = false;
	int first = 1;
	for (; first < argc && argv[first][0] == '-'; first++) {
		if (strcmp(argv[first], "--") == 0) {
			first++;
			break;
		}
		if (strcmp(argv[first], "-g") != 0) {
			say("unknown option", argv[first]);
			return EXIT_USAGE;
		}
		group = true;
	}
	if (first >= argc) {
		say("usage", "crun-lite-init [-g] [--] COMMAND [ARGUMENT...]");
		return EXIT_USAGE;
	}
	sigset_t set, old;
	signals_to_handle(&set);
	(void)sigprocmask(SIG_SETMASK, &set, &old);
	/* Also when not process 1 (a shared pid namespace): orphans below us come to us. */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid_t command = fork();
	if (command < 0) {
		say("fork", strerror(errno));
		return EXIT_USAGE;
	}
	if (command == 0)
		run_command(argv + first, &old);
	return serve(command, group, &set);
}
