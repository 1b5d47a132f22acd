/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the transition table of containers and the order in which a transition
 * runs. It knows neither files nor processes: those come in through fsm_ops.
 */
#include "container_fsm.h"

#include <base/log.h>
#include <base/str.h>

const struct fsm_row fsm_rows[] = {
	{FSM_CREATED, FSM_EV_START, FSM_STARTING, FSM_FX_NONE, NULL, FSM_TRANSIENT},
	{FSM_CREATED, FSM_EV_REMOVE, FSM_REMOVING, FSM_FX_NONE, NULL, FSM_TRANSIENT},

	{FSM_STARTING, FSM_EV_STARTED, FSM_RUNNING, FSM_FX_RUN, "start", FSM_FACT},
	{FSM_STARTING, FSM_EV_START_FAILED, FSM_CREATED, FSM_FX_END, NULL, FSM_FACT},
	{FSM_STARTING, FSM_EV_RESTART_FAILED, FSM_EXITED, FSM_FX_END, NULL, FSM_FACT},

	{FSM_RUNNING, FSM_EV_EXIT, FSM_EXITED, FSM_FX_END, "die", FSM_FACT},
	{FSM_RUNNING, FSM_EV_BACKOFF, FSM_RESTARTING, FSM_FX_BACKOFF, "die", FSM_FACT},
	{FSM_RUNNING, FSM_EV_PAUSE, FSM_PAUSED, FSM_FX_NONE, "pause", 0},

	{FSM_PAUSED, FSM_EV_UNPAUSE, FSM_RUNNING, FSM_FX_NONE, "unpause", 0},
	{FSM_PAUSED, FSM_EV_EXIT, FSM_EXITED, FSM_FX_END, "die", FSM_FACT},
	{FSM_PAUSED, FSM_EV_BACKOFF, FSM_RESTARTING, FSM_FX_BACKOFF, "die", FSM_FACT},

	{FSM_RESTARTING, FSM_EV_START, FSM_STARTING, FSM_FX_NONE, NULL, FSM_TRANSIENT},
	{FSM_RESTARTING, FSM_EV_CANCEL, FSM_EXITED, FSM_FX_END, NULL, FSM_FACT},
	{FSM_RESTARTING, FSM_EV_REMOVE, FSM_REMOVING, FSM_FX_END, NULL, FSM_TRANSIENT},

	{FSM_EXITED, FSM_EV_START, FSM_STARTING, FSM_FX_NONE, NULL, FSM_TRANSIENT},
	{FSM_EXITED, FSM_EV_BACKOFF, FSM_RESTARTING, FSM_FX_BACKOFF, NULL, FSM_FACT},
	{FSM_EXITED, FSM_EV_REMOVE, FSM_REMOVING, FSM_FX_NONE, NULL, FSM_TRANSIENT},

	{FSM_REMOVING, FSM_EV_REMOVE_FAILED, FSM_DEAD, FSM_FX_NONE, NULL, FSM_FACT},
	{FSM_REMOVING, FSM_EV_REMOVED, FSM_GONE, FSM_FX_FORGET, "destroy", FSM_TRANSIENT},

	{FSM_DEAD, FSM_EV_REMOVE, FSM_REMOVING, FSM_FX_NONE, NULL, FSM_TRANSIENT},
};
const size_t fsm_n_rows = ARRAY_SIZE(fsm_rows);

/* The names of states are those of docker ps ("starting" shows as the state before it). */
static const char *const state_names[FSM_STATE_COUNT] = {
	"created", "starting", "running", "paused", "restarting",
	"exited",  "removing", "dead",    "gone",
};
static const char *const event_names[FSM_EVENT_COUNT] = {
	"start",  "started", "start failed", "restart failed", "exit",          "back-off",
	"cancel", "pause",   "unpause",      "remove",         "remove failed", "removed",
};
static const char *const effect_names[] = {"", "run", "end", "back-off", "forget"};

const char *fsm_state_name(enum fsm_state s)
{
	return s < FSM_STATE_COUNT ? state_names[s] : "unknown";
}

const char *fsm_event_name(enum fsm_event e)
{
	return e < FSM_EVENT_COUNT ? event_names[e] : "unknown";
}

const char *fsm_effect_name(enum fsm_effect e)
{
	return e < ARRAY_SIZE(effect_names) ? effect_names[e] : "unknown";
}

enum fsm_state fsm_state_parse(const char *name)
{
	for (unsigned i = 0; i < FSM_STATE_COUNT; i++)
		if (str_eq(name, state_names[i]))
			return (enum fsm_state)i;
	return FSM_STATE_COUNT;
}

const struct fsm_row *fsm_find(enum fsm_state from, enum fsm_event event)
{
	for (size_t i = 0; i < fsm_n_rows; i++)
		if (fsm_rows[i].from == from && fsm_rows[i].event == event)
			return &fsm_rows[i];
	return NULL;
}

static int persist(const struct fsm_row *row, const struct fsm_ops *ops, void *data,
		   struct crl_err *err)
{
	struct crl_err lost = CRL_ERR_INIT;
	if (row->flags & FSM_TRANSIENT)
		return 0;
	if (!(row->flags & FSM_FACT))
		return ops->persist(data, row->to, err);
	if (ops->persist(data, row->to, &lost) < 0)
		log_error("container record not written", "state", fsm_state_name(row->to), "error",
			  lost.msg, NULL);
	return 0;
}

int fsm_fire(enum fsm_state from, enum fsm_event event, const struct fsm_ops *ops, void *data,
	     struct crl_err *err)
{
	const struct fsm_row *row = fsm_find(from, event);
	if (!row)
		return crl_fail(err, CRL_CONFLICT, "%s is not possible: the container is %s",
				fsm_event_name(event), fsm_state_name(from));
	if (persist(row, ops, data, err) < 0)
		return -1;
	ops->enter(data, row->to);
	ops->effect(data, row->effect);
	if (row->publish)
		ops->publish(data, row->publish);
	return 0;
}

void fsm_print(FILE *out)
{
	fputs("digraph container {\n\trankdir=LR;\n\tnode [shape=box, style=rounded];\n", out);
	for (size_t i = 0; i < fsm_n_rows; i++) {
		const struct fsm_row *r = &fsm_rows[i];
		fprintf(out, "\t\"%s\" -> \"%s\" [label=\"%s", fsm_state_name(r->from),
			fsm_state_name(r->to), fsm_event_name(r->event));
		if (r->effect != FSM_FX_NONE)
			fprintf(out, "\\n/ %s", fsm_effect_name(r->effect));
		if (r->publish)
			fprintf(out, "\\n! %s", r->publish);
		fprintf(out, "\"%s];\n", r->flags & FSM_TRANSIENT ? ", style=dashed" : "");
	}
	fputs("}\n", out);
}
