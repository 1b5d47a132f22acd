/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of a container as one transition table. Nothing else changes a
 * container's state. Each transition runs in one order: persist the new state,
 * switch to it, run the effect, publish the event. So a crash at any point
 * leaves a record that is true or that recovery can complete, and nobody
 * hears of a state that was not written down.
 */
#ifndef DAEMON_CONTAINER_FSM_H
#define DAEMON_CONTAINER_FSM_H

#include <crun-lite/err.h>
#include <stdio.h>

enum fsm_state {
	FSM_CREATED,  /* made, never ran (or its first start failed) */
	FSM_STARTING, /* network, files, monitor, process are being made */
	FSM_RUNNING,
	FSM_PAUSED,     /* frozen */
	FSM_RESTARTING, /* ended; its restart policy waits for the back-off */
	FSM_EXITED,
	FSM_REMOVING,
	FSM_DEAD, /* a removal that did not succeed; it can be tried again */
	FSM_GONE, /* removed: no such container */
	FSM_STATE_COUNT,
};

enum fsm_event {
	FSM_EV_START,          /* a caller or the restart policy wants it to run */
	FSM_EV_STARTED,        /* execve succeeded */
	FSM_EV_START_FAILED,   /* the first start failed: it never ran */
	FSM_EV_RESTART_FAILED, /* a later start failed */
	FSM_EV_EXIT,           /* the process ended, for good */
	FSM_EV_BACKOFF,        /* the process ended, and the policy restarts it */
	FSM_EV_CANCEL,         /* stop during the back-off */
	FSM_EV_PAUSE,
	FSM_EV_UNPAUSE,
	FSM_EV_REMOVE,
	FSM_EV_REMOVE_FAILED,
	FSM_EV_REMOVED,
	FSM_EVENT_COUNT,
};

enum fsm_effect {
	FSM_FX_NONE,
	FSM_FX_RUN,     /* a process is there: clear the marks of the last run */
	FSM_FX_END,     /* the process is gone: drop its pidfd and timers */
	FSM_FX_BACKOFF, /* the same, and arm the timer of the restart policy */
	FSM_FX_FORGET,  /* leave the table of names */
};

enum fsm_flag {
	FSM_TRANSIENT = 1 << 0, /* not written down: after a crash recovery asks the monitor */
	FSM_FACT = 1 << 1,      /* it happened; a record that cannot be written does not undo it */
};

struct fsm_row {
	enum fsm_state from;
	enum fsm_event event;
	enum fsm_state to;
	enum fsm_effect effect;
	const char *publish; /* action of the event on the bus, or NULL */
	unsigned flags;
};

extern const struct fsm_row fsm_rows[];
extern const size_t fsm_n_rows;

/* What a transition does to its object; `data` is the container. */
struct fsm_ops {
	int (*persist)(void *data, enum fsm_state to, struct crl_err *err);
	void (*enter)(void *data, enum fsm_state to);
	void (*effect)(void *data, enum fsm_effect effect);
	void (*publish)(void *data, const char *action);
};

/* The row of a pair, or NULL when the event is refused in that state. */
const struct fsm_row *fsm_find(enum fsm_state from, enum fsm_event event);

/*
 * Runs one transition. CRL_CONFLICT when the table has no row for it; an error of
 * persist when the row is not a fact. On failure the state is unchanged.
 */
int fsm_fire(enum fsm_state from, enum fsm_event event, const struct fsm_ops *ops, void *data,
	     struct crl_err *err);

const char *fsm_state_name(enum fsm_state s);
const char *fsm_event_name(enum fsm_event e);
const char *fsm_effect_name(enum fsm_effect e);
/* FSM_STATE_COUNT when unknown. */
enum fsm_state fsm_state_parse(const char *name);

/* The table in Graphviz's language: crun-lited --print-fsm. */
void fsm_print(FILE *out);

#endif
