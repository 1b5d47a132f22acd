/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Standard input and output of one process (the container's or an exec's):
 * pipes or a terminal on one side, the log and any number of attached clients
 * on the other.
 *
 * A client that reads slowly slows the process down, as a pipe would; one that
 * does not read at all is dropped after ATTACH_STALL_NS (attach.h, ADR 0070).
 */
#ifndef MONITOR_STREAMS_H
#define MONITOR_STREAMS_H

#include "capture.h"
#include "logger.h"
#include "queue.h"

#include <base/loop.h>

struct attach;
struct streams;

struct streams_output {
	struct loop_source source;
	struct streams *io;
	int stream; /* 1, 2 */
};

struct streams {
	struct loop *loop;
	struct logger *log; /* NULL = none */
	struct capture capture;
	bool tty;
	bool open_stdin; /* the process has a standard input that clients may write to */
	bool stdin_once; /* end of file from a client (no tty) closes it */
	bool draining;   /* the process ended: take everything, pause for nobody */
	bool discard;    /* read on, but drop it: a child of the process keeps the pipe open */
	struct streams_output out[2]; /* tty: out[0] is the master, for both directions */
	struct loop_source in;        /* write end of the pipe; tty: unused */
	struct queue pending;         /* input the process has not taken yet */
	bool in_closing;              /* close the input once `pending` is empty */
	struct attach *clients;
	struct loop_timer sweep;  /* runs after the events in hand: frees what died in them */
	struct loop_timer hangup; /* tty without a reader: look again */
	/* Something ended: the last output, or a client. May free the streams. */
	void (*changed)(struct streams *io);
	/* The detach keys were typed. */
	void (*detached)(struct streams *io);
};

/* Zeroes and sets the loop; nothing is open. */
void streams_init(struct streams *io, struct loop *loop);

/*
 * Makes pipes for what is wanted; the rest is -1 in ret_child, which receives
 * the process' ends (0, 1, 2; the caller closes them after the start).
 */
int streams_open_pipes(struct streams *io, bool want_in, bool want_out, bool want_err,
		       int ret_child[3], struct crl_err *err);
/* Takes a terminal's master. */
int streams_set_terminal(struct streams *io, int master, struct crl_err *err);
int streams_resize(struct streams *io, int rows, int cols, struct crl_err *err);

/* Starts reading. */
int streams_run(struct streams *io, struct crl_err *err);

/* Input from a client; queued when the process does not take it at once. */
void streams_input(struct streams *io, const void *data, size_t len);
/* Closes the process' input after what is pending. No-op for a terminal. */
void streams_close_input(struct streams *io);
/* True while clients must wait with more input. */
bool streams_input_busy(const struct streams *io);

/* The process ended: reads what is there and goes on to the end of file. */
void streams_drain(struct streams *io);
bool streams_at_eof(const struct streams *io);
/* No end of file in time: closes the outputs, or goes on reading into nothing. */
void streams_close_outputs(struct streams *io);
void streams_discard(struct streams *io);
/* Lets the clients go as soon as they have everything. */
void streams_finish_clients(struct streams *io);

/* For attach.c: recomputes what is watched; asks for the sweep. */
void streams_update(struct streams *io);
void streams_sweep_soon(struct streams *io);

void streams_deinit(struct streams *io);

#endif
