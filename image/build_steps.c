/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One step of each kind that changes files: its key, and what it does when the
 * cache does not have it.
 */
#include "build_exec.h"

#include <base/ident.h>
#include <base/path.h>
#include <crun-lite/layer.h>
#include <errno.h>
#include <stdlib.h>

/* --- RUN --- */

static int run_key(struct build *b, const struct build_stage *s, const struct build_step *st,
		   char ret_hex[65], struct crl_err *err)
{
	struct build_key k;

	build_key_start(&k, b, s, "RUN");
	build_key_list(&k, "argv", st->argv);
	build_key_list(&k, "env", st->env); /* without proxies */
	build_key_field(&k, "user", st->user);
	build_key_field(&k, "cwd", st->cwd);
	build_key_field(&k, "script", st->script);
	build_key_field(&k, "network", st->network);
	return build_key_end(&k, ret_hex, err);
}

/* Docker's sentence; the command is cut before its end is. */
static int run_failed(struct build *b, const struct build_step *st, int status, struct crl_err *err)
{
	_cleanup_free_ char *line = strv_join(st->argv, " ");

	b->run_status = status;
	if (!line)
		return crl_fail_oom(err);
	size_t n = strlen(line), max = sizeof(err->msg) - 100;
	return crl_fail(err, CRL_INVALID, "The command '%.*s%s' returned a non-zero code: %d",
			(int)(n > max ? max : n), line, n > max ? "..." : "", status);
}

/* The working directory must be there; a base image may name one that it does not have. */
static int run_make_cwd(const struct build_layer_dir *d, const struct build_step *st,
			struct crl_err *err)
{
	_cleanup_close_ int fd = -1;

	return path_mkdir_in_root(d->mount_fd, st->cwd, 0755, &fd, err);
}

static int run_exec(struct build *b, const struct build_step *st, struct build_layer_dir *d,
		    struct crl_err *err)
{
	char id[ID_HEX + 1];
	int status = 0;
	_cleanup_strv_ char **env = strv_copy(st->env);

	for (size_t i = 0; st->proxy && st->proxy[i]; i++)
		if (strv_env_set(&env, st->proxy[i]) < 0)
			return crl_fail_oom(err);
	if (run_make_cwd(d, st, err) < 0)
		return -1;
	ident_random(id);
	const struct crl_build_run run = {.id = id,
					  .rootfs_fd = d->mount_fd,
					  .argv = st->argv,
					  .env = env,
					  .user = st->user,
					  .cwd = st->cwd,
					  .script = st->script,
					  .network = st->network};
	build_say(b, " ---> Running in %.12s\n", id);
	if (b->ops->run(b->ops->data, &run, &status, err) < 0)
		return -1;
	build_say(b, "Removing intermediate container %.12s\n", id);
	return status == 0 ? 0 : run_failed(b, st, status, err);
}

/* --- COPY, ADD --- */

static int copy_source_root(struct build *b, const struct build_copy *c, int *ret_fd,
			    struct crl_err *err)
{
	struct crl_image image = {0};

	if (c->from == BUILD_FROM_CONTEXT) {
		*ret_fd = fcntl(b->plan.options->context_fd, F_DUPFD_CLOEXEC, 3);
		return *ret_fd < 0 ? crl_fail_sys(err, errno, "context") : 0;
	}
	if (c->from >= 0) {
		_cleanup_strv_ char **ids = build_stage_diff_ids(&b->plan.stages[c->from]);
		return ids ? build_view_open(b, ids, ret_fd, err) : crl_fail_oom(err);
	}
	if (crl_store_load_image(b->store, c->from_id, &image, err) < 0)
		return -1;
	int r = build_view_open(b, image.rootfs.diff_ids, ret_fd, err);
	json_free(&crl_image_json, &image);
	return r;
}

static int hash_sources(const struct build_copy_job *job, struct build_key *k,
			struct timespec *newest, struct crl_err *err)
{
	for (size_t i = 0; i < job->n_sources; i++) {
		const struct build_source *src = &job->sources[i];
		_cleanup_close_ int fd = -1;
		struct stat st;
		char hex[65];
		if (build_source_open(job->source_fd, src, &fd, &st, err) < 0 ||
		    build_tree_hash(fd, src->path, job->keep_owner && !job->owner.set, &job->filter,
				    hex, newest, err) < 0)
			return -1;
		build_key_field(k, "name", S_ISDIR(st.st_mode) ? NULL : src->name);
		build_key_field(k, "content", hex);
	}
	return 0;
}

static int copy_key(struct build *b, const struct build_stage *s, struct build_copy_job *job,
		    char ret_hex[65], struct crl_err *err)
{
	const struct build_copy *c = job->copy;
	struct build_key k;

	build_key_start(&k, b, s, c->add ? "ADD" : "COPY");
	build_key_field(&k, "dest", c->dest);
	build_key_field(&k, "dir", c->dest_is_dir ? "1" : "0");
	build_key_field(&k, "chown", c->chown);
	build_key_field(&k, "chmod", c->chmod.text);
	for (size_t i = 0; i < c->inline_files.n; i++) {
		build_key_field(&k, "file", c->inline_files.items[i].key);
		build_key_field(&k, "text", c->inline_files.items[i].value);
	}
	if (hash_sources(job, &k, &job->mtime, err) < 0) {
		buf_free(&k.text);
		return -1;
	}
	return build_key_end(&k, ret_hex, err);
}

static int exclude_parse(const struct build_copy *c, struct dockerignore **ret, struct crl_err *err)
{
	_cleanup_free_ char *text = NULL;

	if (!c->exclude)
		return 0;
	text = strv_join(c->exclude, "\n");
	if (!text)
		return crl_fail_oom(err);
	return dockerignore_parse("--exclude", text, strlen(text), ret, err);
}

static int copy_exec(struct build *b, struct build_copy_job *job, struct build_layer_dir *d,
		     struct crl_err *err)
{
	if (job->copy->chown &&
	    build_owner_find(d->mount_fd, job->copy->chown, &job->owner, err) < 0)
		return -1;
	if (build_copy_run(job, d->mount_fd, err) < 0)
		return -1;
	d->restore_times = true;
	return 0;
}

/* --- WORKDIR --- */

static int workdir_key(struct build *b, const struct build_stage *s, const struct build_step *st,
		       char ret_hex[65], struct crl_err *err)
{
	struct build_key k;

	build_key_start(&k, b, s, "WORKDIR");
	build_key_field(&k, "path", st->path);
	return build_key_end(&k, ret_hex, err);
}

static int workdir_exec(struct build *b, const struct build_step *st, struct build_layer_dir *d,
			struct crl_err *err)
{
	const struct build_owner root = {0};
	struct stat top;
	bool made;

	if (fstat(d->upper_fd, &top) < 0)
		return crl_fail_sys(err, errno, "root of the step");
	/* The root's time rather than now: the same file always gives the same layer. */
	if (build_make_dirs(d->mount_fd, st->path, &root, top.st_mtim, &made, err) < 0)
		return -1;
	d->restore_times = true;
	return 0;
}

/* --- the frame around them --- */

static int64_t step_time(const struct build *b)
{
	return b->plan.epoch >= 0 ? b->plan.epoch * 1000000000 : time_now_ns();
}

static int do_step(struct build *b, struct build_stage *s, struct build_step *st,
		   struct build_copy_job *job, struct build_record *ret, struct crl_err *err)
{
	struct build_layer_dir d;
	int r;

	if (build_layer_open(b, s, &d, err) < 0)
		return -1;
	if (st->kind == BUILD_RUN)
		r = run_exec(b, st, &d, err);
	else if (st->kind == BUILD_COPY)
		r = copy_exec(b, job, &d, err);
	else
		r = workdir_exec(b, st, &d, err);
	if (r == 0)
		r = build_layer_commit(b, &d, ret, err);
	build_layer_close(&d);
	return r;
}

static int run_or_reuse(struct build *b, struct build_stage *s, struct build_step *st,
			struct build_copy_job *job, const char *key, struct build_record *ret,
			bool *ret_cached, struct crl_err *err)
{
	struct build_record r = {0};

	*ret_cached = !b->plan.options->no_cache && build_cache_get(b, key, ret);
	if (*ret_cached)
		return 0;
	if (do_step(b, s, st, job, &r, err) < 0)
		return -1;
	r.created = step_time(b);
	r.what = strdup(st->created_by);
	if (!r.what || build_cache_put(b, key, &r, err) < 0) {
		build_record_free(&r);
		return r.what ? -1 : crl_fail_oom(err);
	}
	*ret = r;
	return 0;
}

static int copy_step(struct build *b, struct build_stage *s, struct build_step *st,
		     struct build_record *ret, bool *ret_cached, struct crl_err *err)
{
	struct build_copy_job job = {.copy = st->copy, .source_fd = -1};
	_cleanup_dockerignore_ struct dockerignore *exclude = NULL;
	_cleanup_close_ int root = -1;
	char key[65];
	int r = -1;

	job.keep_owner = st->copy->from != BUILD_FROM_CONTEXT;
	if (exclude_parse(st->copy, &exclude, err) < 0 ||
	    copy_source_root(b, st->copy, &root, err) < 0)
		return -1;
	job.source_fd = root;
	job.filter.ignore = job.keep_owner ? NULL : b->ignore;
	job.filter.exclude = exclude;
	/* A name in --chown is looked up later, but that owners are replaced must be known to the
	 * key. */
	job.owner.set = st->copy->chown;
	if (build_sources_find(b, st->copy, root, &job.sources, &job.n_sources, err) == 0 &&
	    copy_key(b, s, &job, key, err) == 0)
		r = run_or_reuse(b, s, st, &job, key, ret, ret_cached, err);
	build_sources_free(job.sources, job.n_sources);
	return r;
}

int build_step_exec(struct build *b, struct build_stage *s, struct build_step *st,
		    struct build_record *ret, bool *ret_cached, struct crl_err *err)
{
	char key[65];
	int r;

	if (st->kind == BUILD_COPY)
		return copy_step(b, s, st, ret, ret_cached, err);
	r = st->kind == BUILD_RUN ? run_key(b, s, st, key, err) : workdir_key(b, s, st, key, err);
	return r < 0 ? -1 : run_or_reuse(b, s, st, NULL, key, ret, ret_cached, err);
}
