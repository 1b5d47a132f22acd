/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See background.h, memfd_create(2), pidfd_open(2). */
#include "background.h"

#include "daemon.h"

#include <base/fd.h>
#include <base/proc.h>
#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#define OUTPUT_MAX (1024U * 1024)

struct background {
	sd_event_source *source;
	int pidfd, out;
	background_done done;
	void *data;
};

static int on_end(sd_event_source *s, int fd, uint32_t revents, void *data)
{
	struct background *b = data;
	_cleanup_free_ char *text = NULL;
	struct crl_err err = CRL_ERR_INIT;
	siginfo_t si = {0};
	size_t len = 0;
	(void)waitid((idtype_t)P_PIDFD, (id_t)fd, &si, WEXITED | WNOHANG);
	b->source = sd_event_source_disable_unref(b->source);
	cleanup_close_p(&b->pidfd);
	b->pidfd = -1;
	if (si.si_code != CLD_EXITED || si.si_status != 0 || lseek(b->out, 0, SEEK_SET) != 0 ||
	    fd_read_all(b->out, OUTPUT_MAX, &text, &len, &err) < 0)
		b->done(NULL, 0, b->data);
	else
		b->done(text, len, b->data);
	return 0;
}

static int start(struct daemon *d, struct background *b, char *const *argv, struct crl_err *err)
{
	static char *const env[] = {
		(char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	pid_t pid;
	b->out = memfd_create("answer", MFD_CLOEXEC);
	if (b->out < 0)
		return crl_fail_sys(err, errno, "memfd");
	const int fds[3] = {-1, b->out, -1};
	const struct proc_spawn spawn = {.path = argv[0],
					 .argv = argv,
					 .env = env,
					 .fds = fds,
					 .n_fds = 3,
					 .new_session = true};
	if (proc_spawn(&spawn, &pid, &b->pidfd, err) < 0)
		return -1;
	int r = sd_event_add_io(d->event, &b->source, b->pidfd, EPOLLIN, on_end, b);
	return r < 0 ? crl_fail_sys(err, -r, "watch %s", argv[0]) : 0;
}

int background_run(struct daemon *d, char *const *argv, background_done done, void *data,
		   struct background **ret, struct crl_err *err)
{
	struct background *b = calloc(1, sizeof(*b));
	if (!b)
		return crl_fail_oom(err);
	*b = (struct background){.pidfd = -1, .out = -1, .done = done, .data = data};
	if (start(d, b, argv, err) < 0) {
		background_free(b);
		return -1;
	}
	*ret = b;
	return 0;
}

void background_free(struct background *b)
{
	if (!b)
		return;
	sd_event_source_disable_unref(b->source);
	if (b->pidfd >= 0) {
		siginfo_t si;
		(void)proc_pidfd_kill(b->pidfd, SIGKILL, NULL);
		(void)waitid((idtype_t)P_PIDFD, (id_t)b->pidfd, &si, WEXITED);
	}
	cleanup_close_p(&b->pidfd);
	cleanup_close_p(&b->out);
	free(b);
}
