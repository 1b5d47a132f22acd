/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting for a foreground process: signals go to it, and with a terminal our
 * own one is switched to raw mode and copied to and from its pty. See
 * termios(3), signalfd(2), pty(7).
 */
#include "cli.h"
#include <base/fd.h>
#include <base/proc.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>

int console_send(const char *socket_path, int master, struct crl_err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	if (strlen(socket_path) >= sizeof(addr.sun_path))
		return crl_fail(err, CRL_INVALID, "--console-socket: the path is too long");
	memcpy(addr.sun_path, socket_path, strlen(socket_path));
	_cleanup_close_ int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sock < 0 || connect(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return crl_fail_sys(err, errno, "console socket %s", socket_path);
	/* The text beside the descriptor is a name, for people. */
	static const char name[] = "/dev/ptmx";
	return fd_send_msg(sock, name, strlen(name), &master, 1, err);
}

static bool raw_mode(struct termios *saved)
{
	if (tcgetattr(0, saved) < 0)
		return false;
	struct termios raw = *saved;
	cfmakeraw(&raw);
	return tcsetattr(0, TCSANOW, &raw) == 0;
}

static void copy_size(int master)
{
	struct winsize w;
	if (ioctl(0, TIOCGWINSZ, &w) == 0)
		ioctl(master, TIOCSWINSZ, &w);
}

static void take_signal(int sfd, int pidfd, int master)
{
	struct signalfd_siginfo si;
	if (read(sfd, &si, sizeof(si)) != sizeof(si))
		return;
	if (si.ssi_signo == SIGWINCH && master >= 0)
		copy_size(master);
	else if (si.ssi_signo != SIGCHLD)
		proc_pidfd_kill(pidfd, (int)si.ssi_signo, NULL);
}

/* false = the source is at its end. */
static bool copy_some(int from, int to)
{
	char data[8192];
	ssize_t n = read(from, data, sizeof(data));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	return n > 0 && fd_write_all(to, data, (size_t)n, NULL) == 0;
}

static int reap(int pidfd)
{
	siginfo_t si = {0};
	while (waitid((idtype_t)P_PIDFD, (id_t)pidfd, &si, WEXITED) < 0)
		if (errno != EINTR)
			return 255;
	return si.si_code == CLD_EXITED ? si.si_status : 128 + si.si_status;
}

static int block_signals(void)
{
	sigset_t all;
	sigfillset(&all);
	/* Stopping and faults stay ours. */
	static const int ours[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS,  SIGFPE,
				   SIGILL,  SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE};
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		sigdelset(&all, ours[i]);
	sigprocmask(SIG_SETMASK, &all, NULL);
	return signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void loop(int pidfd, int sfd, int master)
{
	struct pollfd p[4] = {{.fd = pidfd, .events = POLLIN},
			      {.fd = sfd, .events = POLLIN},
			      {.fd = master, .events = POLLIN},
			      {.fd = master >= 0 ? 0 : -1, .events = POLLIN}};
	for (;;) {
		if (poll(p, 4, -1) < 0 && errno != EINTR)
			return;
		if (p[1].revents)
			take_signal(sfd, pidfd, master);
		if (p[2].revents && !copy_some(master, 1))
			p[2].fd = -1;
		if (p[3].revents && !copy_some(0, master))
			p[3].fd = -1;
		/* What the terminal still holds comes first. */
		if (p[0].revents && !(p[2].fd >= 0 && (p[2].revents & POLLIN)))
			return;
	}
}

int console_wait(int pidfd, int master)
{
	struct termios saved;
	bool raw = master >= 0 && raw_mode(&saved);
	if (master >= 0)
		copy_size(master);
	_cleanup_close_ int sfd = block_signals();
	loop(pidfd, sfd, master);
	if (raw)
		tcsetattr(0, TCSANOW, &saved);
	return reap(pidfd);
}
