/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the order of events after a process ended. It may not know whether the
 * process is a container or an exec. See pidfd_open(2), waitid(2).
 */
#include "task.h"

#include "attach.h"
#include <base/ident.h>
#include <base/proc.h>
#include <errno.h>
#include <sys/wait.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static void call(void (*op)(struct task *), struct task *t)
{
	if (op)
		op(t);
}

static void go_on(struct task *t);

static void enter_drain(struct task *t)
{
	t->phase = TASK_DRAINING;
	loop_timer_set(t->io.loop, &t->deadline, TASK_DRAIN_NS);
	streams_drain(&t->io);
	go_on(t);
}

static void enter_flush(struct task *t)
{
	t->phase = TASK_FLUSHING;
	call(t->ops->drained, t);
	loop_timer_set(t->io.loop, &t->deadline, TASK_FLUSH_NS);
	streams_finish_clients(&t->io);
}

static void enter_flushed(struct task *t)
{
	t->phase = TASK_FLUSHED;
	loop_timer_stop(t->io.loop, &t->deadline);
	call(t->ops->flushed, t);
}

static bool has_clients(const struct task *t)
{
	for (const struct attach *a = t->io.clients; a; a = a->next)
		if (!a->dead)
			return true;
	return false;
}

/* Moves on as far as the streams allow. Last act of its callers: the task may be gone afterwards.
 */
static void go_on(struct task *t)
{
	if (t->phase == TASK_DRAINING && (streams_at_eof(&t->io) || t->io.discard))
		enter_flush(t);
	if (t->phase == TASK_FLUSHING && !has_clients(t))
		enter_flushed(t);
	if (t->phase == TASK_FLUSHED && !t->io.clients && streams_at_eof(&t->io))
		call(t->ops->idle, t);
}

static void too_late(struct loop_timer *timer)
{
	struct task *t = CONTAINER_OF(timer, struct task, deadline);
	if (t->phase == TASK_FLUSHING) {
		enter_flushed(t);
	} else if (t->keep_reading) {
		streams_discard(&t->io);
	} else {
		streams_drain(&t->io);
		streams_close_outputs(&t->io);
	}
	go_on(t);
}

static void streams_changed(struct streams *io)
{
	go_on(CONTAINER_OF(io, struct task, io));
}

static void keys_typed(struct streams *io)
{
	struct task *t = CONTAINER_OF(io, struct task, io);
	call(t->ops->detached, t);
}

void task_check(struct task *t)
{
	siginfo_t si = {0};
	if (!task_alive(t) || waitid(P_PIDFD, (id_t)t->pidfd.fd, &si, WEXITED | WNOHANG) < 0 ||
	    si.si_pid == 0)
		return;
	/* Back to the form of wait(2), which proc_exit_code() reads. */
	t->status = si.si_code == CLD_EXITED ? (si.si_status & 0xFF) << 8 : si.si_status;
	t->finished_at = time_now_ns();
	loop_close(t->io.loop, &t->pidfd);
	call(t->ops->reaped, t);
	enter_drain(t);
}

static void pidfd_ready(struct loop_source *s, uint32_t events)
{
	task_check(CONTAINER_OF(s, struct task, pidfd));
}

void task_init(struct task *t, struct loop *loop, const struct task_ops *ops)
{
	*t = (struct task){
		.ops = ops,
		.pidfd = {.fd = -1, .ready = pidfd_ready},
		.deadline.fire = too_late,
	};
	streams_init(&t->io, loop);
	t->io.changed = streams_changed;
	t->io.detached = keys_typed;
}

int task_run(struct task *t, pid_t pid, int pidfd, struct crl_err *err)
{
	t->pid = pid;
	t->pidfd.fd = pidfd;
	t->phase = TASK_RUNNING;
	if (loop_watch(t->io.loop, &t->pidfd, EPOLLIN, err) < 0)
		return -1;
	return streams_run(&t->io, err);
}

bool task_alive(const struct task *t)
{
	return t->phase == TASK_RUNNING;
}

int task_signal(struct task *t, int signal, struct crl_err *err)
{
	if (!task_alive(t))
		return crl_fail(err, CRL_CONFLICT, "signal: the process is not running");
	return proc_pidfd_kill(t->pidfd.fd, signal, err);
}

void task_deinit(struct task *t)
{
	loop_timer_stop(t->io.loop, &t->deadline);
	loop_close(t->io.loop, &t->pidfd);
	streams_deinit(&t->io);
}
