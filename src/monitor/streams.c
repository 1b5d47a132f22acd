/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the pipes or the terminal of a process and copies: output to the log
 * and to every client, input from the clients. It may not wait for any of
 * them. See pipe(7), pty(7), ioctl_tty(2).
 */
#include "streams.h"

#include "attach.h"
#include <base/cleanup.h>
#include <base/fd.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

#define CHUNK 16384U
#define DRAIN_ROUNDS 128
#define HANGUP_RETRY_NS (100 * 1000000LL)

/* One buffer for all streams of this monitor: a chunk is handed on before the next is read. */
static uint8_t chunk[CHUNK];

static void sweep(struct loop_timer *t);
static void hangup_over(struct loop_timer *t);
static void output_ready(struct loop_source *s, uint32_t events);
static void input_ready(struct loop_source *s, uint32_t events);

void streams_init(struct streams *io, struct loop *loop)
{
	*io = (struct streams){
		.loop = loop,
		.in = {.fd = -1, .ready = input_ready},
		.sweep.fire = sweep,
		.hangup.fire = hangup_over,
	};
	for (int i = 0; i < 2; i++)
		io->out[i] = (struct streams_output){
			.source = {.fd = -1, .ready = output_ready}, .io = io, .stream = i + 1};
}

/* A pipe of which end `ours` (0 = we read, 1 = we write) does not block; the process gets an
 * ordinary one. */
static int open_pipe(int ours, int *ret_ours, int *ret_theirs, struct crl_err *err)
{
	int p[2];
	if (pipe2(p, O_CLOEXEC) < 0)
		return crl_fail_sys(err, errno, "pipe");
	if (fcntl(p[ours], F_SETFL, O_NONBLOCK) < 0) {
		int sys = errno;
		close(p[0]);
		close(p[1]);
		return crl_fail_sys(err, sys, "pipe");
	}
	*ret_ours = p[ours];
	*ret_theirs = p[!ours];
	return 0;
}

int streams_open_pipes(struct streams *io, bool want_in, bool want_out, bool want_err,
		       int ret_child[3], struct crl_err *err)
{
	bool want[3] = {want_in, want_out, want_err};
	int *ours[3] = {&io->in.fd, &io->out[0].source.fd, &io->out[1].source.fd};
	int theirs[3] = {-1, -1, -1};
	for (int i = 0; i < 3; i++) {
		if (want[i] && open_pipe(i == 0 ? 1 : 0, ours[i], &theirs[i], err) < 0) {
			/* Our ends go with streams_deinit(). */
			for (int k = 0; k < i; k++)
				cleanup_close_p(&theirs[k]);
			return -1;
		}
	}
	io->open_stdin = want_in;
	memcpy(ret_child, theirs, sizeof(theirs));
	return 0;
}

int streams_set_terminal(struct streams *io, int master, struct crl_err *err)
{
	if (fd_set_nonblock(master, true, err) < 0)
		return -1;
	io->tty = true;
	io->out[0].source.fd = master;
	return 0;
}

int streams_resize(struct streams *io, int rows, int cols, struct crl_err *err)
{
	if (!io->tty || io->out[0].source.fd < 0)
		return crl_fail(err, CRL_CONFLICT, "resize: there is no terminal");
	if (rows < 0 || cols < 0 || rows > UINT16_MAX || cols > UINT16_MAX)
		return crl_fail(err, CRL_INVALID, "resize: %dx%d is out of range", rows, cols);
	struct winsize ws = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};
	if (ioctl(io->out[0].source.fd, TIOCSWINSZ, &ws) < 0)
		return crl_fail_sys(err, errno, "resize");
	return 0;
}

int streams_run(struct streams *io, struct crl_err *err)
{
	for (int i = 0; i < 2; i++)
		if (io->out[i].source.fd >= 0 &&
		    loop_watch(io->loop, &io->out[i].source, EPOLLIN, err) < 0)
			return -1;
	return 0;
}

/* --- what is watched --- */

static bool clients_full(const struct streams *io)
{
	for (const struct attach *a = io->clients; a; a = a->next)
		if (a->full)
			return true;
	return false;
}

void streams_update(struct streams *io)
{
	bool paused = !io->draining && clients_full(io);
	for (int i = 0; i < 2; i++) {
		struct loop_source *s = &io->out[i].source;
		if (s->fd < 0 || io->hangup.armed)
			continue;
		uint32_t events = paused ? 0 : EPOLLIN;
		if (io->tty && io->pending.len)
			events |= EPOLLOUT;
		(void)loop_watch(io->loop, s, events, NULL);
	}
	if (io->in.fd >= 0)
		(void)loop_watch(io->loop, &io->in, io->pending.len ? EPOLLOUT : 0, NULL);
	for (struct attach *a = io->clients; a; a = a->next)
		attach_update(a);
}

void streams_sweep_soon(struct streams *io)
{
	if (!io->sweep.armed)
		loop_timer_set(io->loop, &io->sweep, 0);
}

static void sweep(struct loop_timer *t)
{
	struct streams *io = CONTAINER_OF(t, struct streams, sweep);
	for (struct attach **p = &io->clients; *p;) {
		struct attach *a = *p;
		if (a->dead) {
			*p = a->next;
			attach_free(a);
		} else {
			p = &a->next;
		}
	}
	if (io->changed)
		io->changed(io);
}

/* --- input --- */

static int input_fd(const struct streams *io)
{
	return io->tty ? io->out[0].source.fd : io->in.fd;
}

static void input_end(struct streams *io)
{
	queue_free(&io->pending);
	io->in_closing = true;
	loop_close(io->loop, &io->in);
}

static void input_flush(struct streams *io)
{
	int r = queue_flush(&io->pending, input_fd(io), false, NULL);
	/* A terminal without a reader may get one again; a pipe does not. */
	if (r < 0 && io->tty)
		queue_free(&io->pending);
	else if (r < 0 || (!io->pending.len && io->in_closing))
		input_end(io);
	streams_update(io);
}

static void input_ready(struct loop_source *s, uint32_t events)
{
	input_flush(CONTAINER_OF(s, struct streams, in));
}

bool streams_input_busy(const struct streams *io)
{
	return io->pending.len > 0;
}

void streams_input(struct streams *io, const void *data, size_t len)
{
	if (!io->open_stdin || io->in_closing || input_fd(io) < 0)
		return;
	bool was_busy = streams_input_busy(io);
	if (!queue_add(&io->pending, data, len))
		return;
	if (!was_busy)
		input_flush(io);
}

void streams_close_input(struct streams *io)
{
	if (io->tty || io->in_closing)
		return;
	io->in_closing = true;
	if (!io->pending.len)
		input_end(io);
}

/* --- output --- */

static void publish(struct streams_output *o, size_t len)
{
	struct streams *io = o->io;
	if (io->discard)
		return;
	if (io->log)
		logger_write(io->log, o->stream, chunk, len);
	if (io->capture.max)
		capture_add(&io->capture, chunk, len);
	for (struct attach *a = io->clients; a; a = a->next)
		attach_output(a, o->stream, chunk, len);
}

static void output_eof(struct streams_output *o)
{
	if (o->io->log)
		logger_end(o->io->log, o->stream);
	loop_close(o->io->loop, &o->source);
	streams_sweep_soon(o->io);
}

/* Between two users of a terminal (a login, an init that reopens its console) nobody has it open;
 * that is not its end. */
static void output_hangup(struct streams_output *o)
{
	struct streams *io = o->io;
	if (io->tty && !io->draining) {
		(void)loop_watch(io->loop, &o->source, 0, NULL);
		loop_timer_set(io->loop, &io->hangup, HANGUP_RETRY_NS);
	} else {
		output_eof(o);
	}
}

static void hangup_over(struct loop_timer *t)
{
	streams_update(CONTAINER_OF(t, struct streams, hangup));
}

/* One chunk; false when there is nothing more for now or at all. */
static bool read_output(struct streams_output *o)
{
	ssize_t n = read(o->source.fd, chunk, CHUNK);
	if (n > 0) {
		publish(o, (size_t)n);
		return true;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	output_hangup(o);
	return false;
}

static void output_ready(struct loop_source *s, uint32_t events)
{
	struct streams_output *o = CONTAINER_OF(s, struct streams_output, source);
	if (events & EPOLLOUT)
		input_flush(o->io);
	if (s->fd >= 0 && events & ~(uint32_t)EPOLLOUT)
		(void)read_output(o);
}

void streams_drain(struct streams *io)
{
	io->draining = true;
	loop_timer_stop(io->loop, &io->hangup);
	input_end(io);
	for (int i = 0; i < 2; i++)
		for (int n = 0; n < DRAIN_ROUNDS && io->out[i].source.fd >= 0; n++)
			if (!read_output(&io->out[i]))
				break;
	streams_update(io);
}

bool streams_at_eof(const struct streams *io)
{
	return io->out[0].source.fd < 0 && io->out[1].source.fd < 0;
}

void streams_close_outputs(struct streams *io)
{
	for (int i = 0; i < 2; i++)
		if (io->out[i].source.fd >= 0)
			output_eof(&io->out[i]);
}

void streams_discard(struct streams *io)
{
	io->discard = true;
}

void streams_finish_clients(struct streams *io)
{
	for (struct attach *a = io->clients; a; a = a->next)
		attach_finish(a);
}

void streams_deinit(struct streams *io)
{
	while (io->clients) {
		struct attach *a = io->clients;
		io->clients = a->next;
		attach_free(a);
	}
	loop_timer_stop(io->loop, &io->hangup);
	for (int i = 0; i < 2; i++)
		loop_close(io->loop, &io->out[i].source);
	loop_close(io->loop, &io->in);
	queue_free(&io->pending);
	capture_free(&io->capture);
	loop_timer_stop(io->loop, &io->sweep);
}
