/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HEAD, GET, PUT /containers/{id}/archive: docker cp. The files are a worker's
 * business (src/worker/archive.c); here are the answers in Docker's words, and
 * who waits for whom.
 */
#include "api_archive.h"

#include "api_containers.h"
#include "container_root.h"
#include "job_reply.h"
#include "jobs.h"

#include <base/base64.h>
#include <errno.h>
#include <fcntl.h>

#define STAT_HEADER "X-Docker-Container-Path-Stat"
#define PIPE_SIZE (1 << 20)

/* Path and name as the client wrote them, for the answer. */
struct names {
	char id[ID_HEX + 1];
	struct daemon *d;
	char *path, *name;
};

static void names_free(void *data)
{
	struct names *n = data;

	if (!n)
		return;
	free(n->path);
	free(n->name);
	free(n);
}

static struct names *names_new(struct http_req *r, const struct container *c)
{
	struct names *n = calloc(1, sizeof(*n));

	if (n) {
		n->d = http_daemon(r);
		memcpy(n->id, c->rec.id, sizeof(n->id));
		n->path = strdup(http_query(r, "path"));
		n->name = strdup(http_arg(r, 0));
	}
	if (n && n->path && n->name)
		return n;
	names_free(n);
	http_reply_message(r, 503, "out of memory");
	return NULL;
}

/* Clients match on this text. */
static void name_missing(struct crl_err *err, void *data)
{
	const struct names *n = data;

	if (err->code == CRL_NOT_FOUND)
		(void)crl_fail(err, CRL_NOT_FOUND, "Could not find the file %s in container %s",
			       n->path, n->name);
}

static bool begin(struct http_req *r, struct container **ret_c)
{
	if (!api_container(r, ret_c))
		return false;
	if (!str_empty(http_query(r, "path")))
		return true;
	http_reply_message(r, 400, "bad parameter: path cannot be empty");
	return false;
}

static cJSON *path_args(struct http_req *r, struct container *c, bool writable)
{
	cJSON *args = container_root_args(c, writable);

	if (args)
		json_add_str(args, "path", http_query(r, "path"));
	else
		http_reply_message(r, 503, "out of memory");
	return args;
}

static void add_stat_header(struct http_req *r, const cJSON *stat)
{
	_cleanup_free_ char *text = cJSON_PrintUnformatted(stat),
			    *coded = text ? base64_text(text, strlen(text)) : NULL;

	if (coded)
		http_add_header(r, STAT_HEADER, coded);
}

static void publish(const struct names *n, const char *action)
{
	struct container *c;

	if (container_find(n->d, n->id, &c, NULL) == 0)
		container_publish(c, action, NULL);
}

/* --- HEAD --- */

struct head {
	struct http_req *r; /* NULL: the client is gone */
	struct job *job;
	struct names *names;
};

static void head_free(void *data)
{
	struct head *h = data;

	if (h->job)
		job_cancel(h->job);
	names_free(h->names);
	free(h);
}

static void on_stat(struct job *j, const cJSON *result, const struct crl_err *err, void *data)
{
	struct head *h = data;
	struct crl_err e = *err;

	h->job = NULL;
	if (e.code == CRL_OK) {
		add_stat_header(h->r, result);
		http_reply_empty(h->r, 200);
		return;
	}
	name_missing(&e, h->names);
	http_reply_error(h->r, &e);
}

static void on_head_gone(struct http_req *r, void *data)
{
	struct head *h = data;

	if (h->job)
		job_cancel(take_ptr(h->job));
}

void api_containers_archive_head(struct http_req *r)
{
	struct crl_err err = CRL_ERR_INIT;
	struct container *c;
	struct head *h;

	if (!begin(r, &c))
		return;
	h = calloc(1, sizeof(*h));
	if (!h || !(h->names = names_new(r, c))) {
		free(h);
		return;
	}
	h->r = r;
	http_set_data(r, h, head_free);
	struct job_spec spec = {.verb = "archive-stat",
				.args = path_args(r, c, false),
				.input_fd = -1,
				.output_fd = -1,
				.done = on_stat,
				.data = h};
	if (!spec.args)
		return;
	http_on_close(r, on_head_gone);
	if (job_start(http_daemon(r), &spec, &h->job, &err) < 0)
		http_reply_error(r, &err);
}

/* --- GET --- */

static bool on_archive_head(struct http_req *r, const cJSON *message, void *data)
{
	const cJSON *stat = cJSON_GetObjectItemCaseSensitive(message, "stat");

	if (!stat)
		return false;
	add_stat_header(r, stat);
	publish(data, "archive-path");
	return true;
}

void api_containers_archive_get(struct http_req *r)
{
	struct container *c;
	struct job_download spec = {.verb = "archive-get",
				    .content_type = "application/x-tar",
				    .head = on_archive_head,
				    .failed = name_missing,
				    .destroy = names_free};

	if (!begin(r, &c) || !(spec.data = names_new(r, c)))
		return;
	spec.args = path_args(r, c, false);
	if (spec.args)
		job_reply_download_with(r, &spec);
	else
		names_free(spec.data);
}

/* --- PUT --- */

struct put {
	unsigned refs;      /* the request's, and one of what is waited for */
	struct http_req *r; /* NULL: the client is gone */
	struct job *job;
	struct names *names;
	struct container_writer writer;
	bool keep_kind, copy_uid_gid;
};

static void put_unref(void *data)
{
	struct put *p = data;

	if (--p->refs > 0)
		return;
	if (p->job)
		job_cancel(p->job);
	container_writer_remove(&p->writer);
	names_free(p->names);
	free(p);
}

static void put_fail(struct put *p, const struct crl_err *err)
{
	struct crl_err e = *err;
	struct http_req *r = take_ptr(p->r);

	name_missing(&e, p->names);
	if (r)
		http_reply_error(r, &e);
}

static void on_put_gone(struct http_req *r, void *data)
{
	struct put *p = data;

	p->r = NULL;
	if (p->job)
		job_cancel(take_ptr(p->job));
	container_writer_remove(&p->writer);
}

/* The container is removed, or starts and has waited long enough. */
static void on_put_end(void *data, const struct crl_err *why)
{
	struct put *p = data;

	if (p->job)
		job_cancel(take_ptr(p->job));
	struct http_req *r = take_ptr(p->r);
	if (r)
		http_reply_error(r, why);
}

static void on_put_done(struct job *j, const cJSON *result, const struct crl_err *err, void *data)
{
	struct put *p = data;

	p->job = NULL;
	container_writer_remove(&p->writer);
	if (err->code != CRL_OK) {
		put_fail(p, err);
		return;
	}
	publish(p->names, "extract-to-dir");
	struct http_req *r = take_ptr(p->r);
	if (r)
		http_reply_empty(r, 200);
}

/* The worker sees the end of the pipe; a client that vanished is on_put_gone()'s business. */
static void on_body_end(struct http_req *r, bool ok, void *data)
{
}

static cJSON *put_args(const struct put *p, struct container *c)
{
	cJSON *args = container_root_args(c, true);

	if (!args)
		return NULL;
	json_add_str(args, "path", p->names->path);
	cJSON_AddBoolToObject(args, "keep_kind", p->keep_kind);
	cJSON_AddBoolToObject(args, "copy_uid_gid", p->copy_uid_gid);
	return args;
}

static int put_start(struct put *p, struct container *c, struct crl_err *err)
{
	struct job_spec spec = {.verb = "archive-put",
				.args = put_args(p, c),
				.output_fd = -1,
				.done = on_put_done,
				.data = p};
	int fds[2];

	if (!spec.args)
		return crl_fail_oom(err);
	if (pipe2(fds, O_CLOEXEC) < 0) {
		cJSON_Delete(spec.args);
		return crl_fail_sys(err, errno, "pipe");
	}
	/* Fewer turns of the loop; a refusal (pipe-user-pages-soft) does no harm. */
	(void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE);
	spec.input_fd = fds[0];
	if (job_start(c->d, &spec, &p->job, err) < 0) {
		close(fds[1]);
		return -1;
	}
	container_writer_add(c, &p->writer);
	http_body_to_fd(p->r, fds[1], on_body_end);
	return 0;
}

static void put_go_on(const struct crl_err *err, bool modified, void *data);

/*
 * The files of a container that does not run have one writer at a time, and
 * none while it is being started.
 */
static bool must_wait(struct put *p, struct container *c)
{
	if (c->state == FSM_STARTING && c->start_waiters &&
	    container_add_done(&c->start_waiters, put_go_on, p) == 0)
		return true;
	return !container_is_running(c) && container_await_writers(c, false, put_go_on, p);
}

static void put_try(struct put *p)
{
	struct crl_err err = CRL_ERR_INIT;
	struct container *c;

	if (!p->r)
		return;
	p->refs++;
	if (container_find(p->names->d, p->names->id, &c, &err) == 0 && must_wait(p, c))
		return; /* the reference is the waiting's */
	p->refs--;
	if (err.code == CRL_OK)
		(void)put_start(p, c, &err);
	struct http_req *r = err.code ? take_ptr(p->r) : NULL;
	if (r)
		http_reply_error(r, &err);
}

/* A start that failed leaves a container that can be written to as well. */
static void put_go_on(const struct crl_err *err, bool modified, void *data)
{
	struct put *p = data;

	put_try(p);
	put_unref(p);
}

void api_containers_archive_put(struct http_req *r)
{
	struct container *c;
	struct put *p;

	if (!begin(r, &c))
		return;
	p = calloc(1, sizeof(*p));
	if (!p || !(p->names = names_new(r, c))) {
		free(p);
		return;
	}
	p->refs = 1;
	p->r = r;
	p->writer = (struct container_writer){.end = on_put_end, .data = p};
	p->keep_kind = http_query_bool(r, "noOverwriteDirNonDir", false);
	p->copy_uid_gid = http_query_bool(r, "copyUIDGID", false);
	http_set_data(r, p, put_unref);
	http_on_close(r, on_put_gone);
	put_try(p);
}
