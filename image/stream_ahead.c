/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One thread that reads a stream ahead of its consumer, over a ring of fixed
 * buffers: inflate and digests on one processor, system calls that make files
 * on the other. Owns the only thread of the worker. The source belongs to the
 * thread until stream_free() has joined it.
 */
#include "stream.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#define SLOTS 8
#define SLOT_SIZE (256U * 1024)

struct slot {
	uint8_t *data;
	size_t len; /* 0 = the end */
};

struct ahead {
	struct stream s;
	struct stream *source;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct slot slots[SLOTS];
	size_t head, tail; /* counters: slots filled, slots emptied */
	size_t pos;        /* in the slot being emptied */
	bool stop, ended, failed;
	struct crl_err err;
};

/* Waits for an empty slot; NULL: the consumer is gone. */
static struct slot *slot_to_fill(struct ahead *a)
{
	struct slot *s = NULL;

	pthread_mutex_lock(&a->lock);
	while (!a->stop && a->head - a->tail == SLOTS)
		pthread_cond_wait(&a->changed, &a->lock);
	if (!a->stop)
		s = &a->slots[a->head % SLOTS];
	pthread_mutex_unlock(&a->lock);
	return s;
}

static void slot_filled(struct ahead *a, bool failed)
{
	pthread_mutex_lock(&a->lock);
	a->failed = failed;
	a->head++;
	pthread_cond_signal(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

static void *ahead_main(void *data)
{
	struct ahead *a = data;
	struct slot *s;

	while ((s = slot_to_fill(a))) {
		ssize_t n = stream_read_full(a->source, s->data, SLOT_SIZE, &a->err);
		s->len = n < 0 ? 0 : (size_t)n;
		slot_filled(a, n < 0);
		if (n <= 0)
			break;
	}
	return NULL;
}

/* The slot with unread bytes or the end in it. */
static struct slot *slot_to_read(struct ahead *a)
{
	pthread_mutex_lock(&a->lock);
	while (a->head == a->tail)
		pthread_cond_wait(&a->changed, &a->lock);
	pthread_mutex_unlock(&a->lock);
	return &a->slots[a->tail % SLOTS];
}

static void slot_emptied(struct ahead *a)
{
	a->pos = 0;
	pthread_mutex_lock(&a->lock);
	a->tail++;
	pthread_cond_signal(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

static ssize_t ahead_read(struct stream *st, void *buf, size_t len, struct crl_err *err)
{
	struct ahead *a = (struct ahead *)st;

	if (a->ended)
		return 0;
	struct slot *s = slot_to_read(a);
	if (s->len == 0) {
		if (a->failed) {
			if (err)
				*err = a->err;
			return -1;
		}
		a->ended = true;
		return 0;
	}
	size_t n = s->len - a->pos < len ? s->len - a->pos : len;
	memcpy(buf, s->data + a->pos, n);
	a->pos += n;
	if (a->pos == s->len)
		slot_emptied(a);
	return (ssize_t)n;
}

static void release(struct ahead *a)
{
	for (size_t i = 0; i < SLOTS; i++)
		free(a->slots[i].data);
	pthread_cond_destroy(&a->changed);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

static void ahead_free(struct stream *st)
{
	struct ahead *a = (struct ahead *)st;

	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_signal(&a->changed);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	release(a);
}

int stream_ahead(struct stream *source, struct stream **ret, struct crl_err *err)
{
	struct ahead *a = calloc(1, sizeof(*a));
	int r = 0;

	if (!a)
		return crl_fail_oom(err);
	a->s.read = ahead_read;
	a->s.free = ahead_free;
	a->source = source;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->changed, NULL);
	for (size_t i = 0; i < SLOTS; i++) {
		a->slots[i].data = malloc(SLOT_SIZE);
		r |= !a->slots[i].data;
	}
	if (r || (r = pthread_create(&a->thread, NULL, ahead_main, a))) {
		release(a);
		return crl_fail_oom(err);
	}
	*ret = &a->s;
	return 0;
}
