/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's end of the network helper (crun-lite/netns_proto.h): starts it
 * when needed, queues requests, matches answers, ends it when idle.
 */
#include "network_priv.h"

#include <base/fd.h>
#include <base/log.h>
#include <base/proc.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define HELPER_WINDOW 4 /* requests on the way; a SEQPACKET socket queues few */
#define HELPER_IDLE_US (3 * 1000 * 1000)
#define HELPER_WAIT_MS 10000
#define HELPER_FDS 3 /* in an answer: namespace, sockets of the name server */

struct helper_job {
	struct netns_request req;
	int netns_fd; /* copy, for NETNS_ATTACH; -1 */
	net_helper_cb cb;
	void *data;
	struct helper_job *next;
};

struct net_helper {
	struct daemon *d;
	int sock;
	sd_event_source *io, *idle;
	struct helper_job *first, **last; /* in order; the first `sent` are on the way */
	size_t sent;
	uint32_t seq;
};

/* The exit status of a helper says nothing that the end of its socket did not. */
static int helper_reap(sd_event_source *s, int fd, uint32_t revents, void *data)
{
	siginfo_t info;

	if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) == 0 || errno == ECHILD)
		sd_event_source_disable_unref(s);
	return 0;
}

static void helper_answer(struct net_helper *h, const struct netns_reply *reply, int netns_fd)
{
	struct helper_job *job = h->first;

	h->first = job->next;
	if (!h->first)
		h->last = &h->first;
	h->sent--;
	if (job->netns_fd >= 0)
		close(job->netns_fd);
	job->cb(reply, netns_fd, job->data);
	free(job);
}

/* Closing the socket ends the process, which its pidfd's source reaps. Requests on the way fail. */
static void helper_stop(struct net_helper *h)
{
	struct netns_reply lost = {.sys = ECONNRESET, .step = "network helper"};

	if (h->sock < 0)
		return;
	h->io = sd_event_source_disable_unref(h->io);
	close(take_fd(&h->sock));
	while (h->sent > 0)
		helper_answer(h, &lost, -1);
}

static int helper_idle(sd_event_source *s, uint64_t usec, void *data)
{
	struct net_helper *h = data;

	if (!h->first)
		helper_stop(h);
	return 0;
}

static void helper_send(struct net_helper *h)
{
	struct helper_job *job = h->first;
	struct crl_err err;

	for (size_t i = 0; i < h->sent && job; i++)
		job = job->next;
	while (job && h->sent < HELPER_WINDOW) {
		if (fd_send_msg(h->sock, &job->req, sizeof(job->req), &job->netns_fd,
				job->netns_fd >= 0 ? 1 : 0, &err) < 0)
			return; /* full, or dead: then the receiving side notices */
		h->sent++;
		job = job->next;
	}
}

static int helper_start(struct net_helper *h, struct crl_err *err);

/* Takes one answer; false when none is there. */
static bool helper_receive(struct net_helper *h)
{
	struct netns_reply reply = {0};
	struct crl_err err = CRL_ERR_INIT;
	int fds[HELPER_FDS];
	size_t len = 0, nfds = 0;

	if (h->sock < 0)
		return false;
	if (fd_recv_msg(h->sock, &reply, sizeof(reply), &len, fds, HELPER_FDS, &nfds, &err) < 0 &&
	    (err.sys == EAGAIN || err.sys == EINTR))
		return false;
	if (len == sizeof(reply) && h->sent > 0 && reply.seq == h->first->req.seq) {
		reply.step[sizeof(reply.step) - 1] = '\0';
		if (reply.has_dns && nfds >= 2) {
			nfds -= 2;
			net_sockets_put(h->d->networks, h->first->req.link, fds + nfds);
		}
		helper_answer(h, &reply, nfds ? fds[0] : -1);
		return true;
	}
	while (nfds > 0)
		close(fds[--nfds]);
	if (h->sent > 0)
		log_warn("network helper ended", "requests", log_i64((int64_t)h->sent), NULL);
	helper_stop(h);
	return false;
}

static int helper_io(sd_event_source *s, int fd, uint32_t revents, void *data)
{
	struct net_helper *h = data;
	struct crl_err err = CRL_ERR_INIT;

	while (helper_receive(h))
		;
	if (h->first && h->sock < 0 && helper_start(h, &err) < 0)
		log_warn("network helper", "error", err.msg, NULL);
	if (h->sock >= 0)
		helper_send(h);
	if (!h->first)
		sd_event_source_set_time_relative(h->idle, HELPER_IDLE_US);
	sd_event_source_set_enabled(h->idle, h->first ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
	return 0;
}

static int helper_watch(struct net_helper *h, int pidfd, struct crl_err *err)
{
	sd_event_source *reaper = NULL;
	int r = sd_event_add_io(h->d->event, &h->io, h->sock, EPOLLIN, helper_io, h);

	if (r >= 0)
		r = sd_event_add_io(h->d->event, &reaper, pidfd, EPOLLIN, helper_reap, NULL);
	if (r >= 0)
		r = sd_event_source_set_io_fd_own(reaper, 1);
	if (r >= 0)
		r = sd_event_source_set_floating(reaper, 1);
	sd_event_source_unref(reaper);
	return r < 0 ? crl_fail_sys(err, -r, "watch the network helper") : 0;
}

static int helper_start(struct net_helper *h, struct crl_err *err)
{
	char *argv[] = {"crun-lite-monitor", "--make-netns", "--socket-fd", "3", NULL};
	char path[40];
	int pair[2], pidfd;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return crl_fail_sys(err, errno, "socketpair");
	_cleanup_close_ int theirs = pair[1];
	h->sock = pair[0];
	int fds[] = {-1, -1, 2, theirs};
	struct proc_spawn spawn = {
		.path = path, .argv = argv, .fds = fds, .n_fds = 4, .new_session = true};
	snprintf(path, sizeof(path), "/proc/self/fd/%d", h->d->monitor_exe_fd);
	if (fd_set_nonblock(h->sock, true, err) < 0 || proc_spawn(&spawn, &pid, &pidfd, err) < 0) {
		close(take_fd(&h->sock));
		return crl_context(err, "network helper");
	}
	if (helper_watch(h, pidfd, err) < 0) {
		helper_stop(h);
		return -1;
	}
	return 0;
}

int net_helper_new(struct daemon *d, struct net_helper **ret, struct crl_err *err)
{
	struct net_helper *h = calloc(1, sizeof(*h));

	if (!h)
		return crl_fail_oom(err);
	h->d = d;
	h->sock = -1;
	h->last = &h->first;
	int r = sd_event_add_time_relative(d->event, &h->idle, CLOCK_MONOTONIC, HELPER_IDLE_US,
					   500 * 1000, helper_idle, h);
	if (r >= 0)
		r = sd_event_source_set_enabled(h->idle, SD_EVENT_OFF);
	if (r < 0) {
		net_helper_free(h);
		return crl_fail_sys(err, -r, "network helper's timer");
	}
	*ret = h;
	return 0;
}

void net_helper_free(struct net_helper *h)
{
	struct netns_reply lost = {.sys = ECONNRESET, .step = "network helper"};

	if (!h)
		return;
	helper_stop(h);
	while (h->first) {
		h->sent++;
		helper_answer(h, &lost, -1);
	}
	sd_event_source_disable_unref(h->idle);
	free(h);
}

int net_helper_submit(struct net_helper *h, const struct netns_request *req, int netns_fd,
		      net_helper_cb cb, void *data, struct crl_err *err)
{
	struct helper_job *job;

	if (h->sock < 0 && helper_start(h, err) < 0)
		return -1;
	job = calloc(1, sizeof(*job));
	if (!job)
		return crl_fail_oom(err);
	*job = (struct helper_job){.req = *req, .netns_fd = -1, .cb = cb, .data = data};
	job->req.seq = ++h->seq;
	if (netns_fd >= 0)
		job->netns_fd = fcntl(netns_fd, F_DUPFD_CLOEXEC, 3);
	*h->last = job;
	h->last = &job->next;
	sd_event_source_set_enabled(h->idle, SD_EVENT_OFF);
	helper_send(h);
	return 0;
}

int net_helper_wait(struct net_helper *h, struct crl_err *err)
{
	int64_t end = time_boot_ns() + (int64_t)HELPER_WAIT_MS * 1000 * 1000;

	while (h->sock >= 0) {
		int64_t left = (end - time_boot_ns()) / (1000 * 1000);
		struct pollfd p = {.fd = h->sock, .events = POLLIN};
		if (left <= 0)
			return crl_fail(err, CRL_UNAVAILABLE, "network helper does not answer");
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return crl_fail_sys(err, errno, "wait for the network helper");
		if (!helper_receive(h))
			continue;
		helper_send(h);
		return 0;
	}
	return crl_fail(err, CRL_UNAVAILABLE, "network helper ended");
}
