/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The verb "build": arguments, staging folder, context, and the table of
 * functions the builder calls back.
 */
#include "build.h"

#include <base/fd.h>
#include <base/ident.h>
#include <base/path.h>
#include <crun-lite/layer.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

static const struct json_field ulimit_fields[] = {
	JSON_STR(struct build_ulimit, name, "Name", JSON_REQUIRED),
	JSON_I64(struct build_ulimit, soft, "Soft", 0),
	JSON_I64(struct build_ulimit, hard, "Hard", 0),
};
static const struct json_table ulimit_json =
	JSON_TABLE("ulimit", struct build_ulimit, ulimit_fields);

static const struct json_field args_fields[] = {
	JSON_STR(struct build_args, root, "root", JSON_REQUIRED),
	JSON_STR(struct build_args, dockerfile, "dockerfile", 0),
	JSON_STR(struct build_args, remote, "remote", 0),
	JSON_STR(struct build_args, target, "target", 0),
	JSON_STR(struct build_args, platform, "platform", 0),
	JSON_STR(struct build_args, arch, "arch", 0),
	JSON_STRV(struct build_args, tags, "tags", 0),
	JSON_STRV(struct build_args, extra_hosts, "extrahosts", 0),
	JSON_RAW(struct build_args, build_args, "buildargs", 0),
	JSON_STRMAP(struct build_args, labels, "labels", 0),
	JSON_BOOL(struct build_args, no_cache, "nocache", 0),
	JSON_BOOL(struct build_args, pull, "pull", 0),
	JSON_BOOL(struct build_args, no_new_privileges, "no_new_privileges", 0),
	JSON_STR(struct build_args, network_mode, "networkmode", 0),
	JSON_I64(struct build_args, memory, "memory", 0),
	JSON_I64(struct build_args, mem_swap, "memswap", 0),
	JSON_I64(struct build_args, cpu_shares, "cpushares", 0),
	JSON_I64(struct build_args, cpu_period, "cpuperiod", 0),
	JSON_I64(struct build_args, cpu_quota, "cpuquota", 0),
	JSON_I64(struct build_args, shm_size, "shmsize", 0),
	JSON_STR(struct build_args, cpuset_cpus, "cpusetcpus", 0),
	JSON_STR(struct build_args, cpuset_mems, "cpusetmems", 0),
	JSON_OBJV(struct build_args, ulimits, n_ulimits, "ulimits", 0, &ulimit_json),
	JSON_STR(struct build_args, resolv_conf, "resolv_conf", 0),
	JSON_STR(struct build_args, hosts, "hosts", 0),
	JSON_STR(struct build_args, cgroup_parent, "cgroup_parent", 0),
	JSON_STR(struct build_args, cache_dir, "cache_dir", 0),
};
const struct json_table build_args_json = JSON_TABLE("build", struct build_args, args_fields);

/* --- functions for the builder --- */

static int op_find_image(void *data, const char *name, char **ret_id, char **ret_manifest,
			 struct crl_err *err)
{
	struct build_job *j = data;
	_cleanup_cjson_ cJSON *answer = NULL;
	cJSON *request = cJSON_CreateObject();

	if (request) {
		json_add_str(request, "call", "image");
		json_add_str(request, "name", name);
	}
	if (build_call(j, request, &answer, NULL, err) < 0)
		return -1;
	const char *id = json_get_str(answer, "id"), *manifest = json_get_str(answer, "manifest");
	if (!id || !manifest || !crl_digest_ok(id) || !crl_digest_ok(manifest))
		return crl_fail(err, CRL_INTERNAL, "image %s: the daemon's answer has no digests",
				name);
	char *i = strdup(id), *m = strdup(manifest);
	if (!i || !m) {
		free(i);
		free(m);
		return crl_fail_oom(err);
	}
	*ret_id = i;
	*ret_manifest = m;
	return 0;
}

static int op_run(void *data, const struct crl_build_run *run, int *ret_status, struct crl_err *err)
{
	return build_run_step(data, run, ret_status, err);
}

static void op_say(void *data, const char *text, size_t len)
{
	build_stream(data, text, len);
}

static bool op_cancelled(void *data)
{
	return build_cancelled(data);
}

/* --- staging --- */

/* Removes what builds left that were killed: their folder is no longer locked. */
static void sweep_dead(struct build_job *j)
{
	int fd = openat(j->tmp_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	for (struct dirent *e; dir && (e = readdir(dir));) {
		if (!str_starts(e->d_name, "build-"))
			continue;
		_cleanup_close_ int lock = openat(j->tmp_fd, e->d_name,
						  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0)
			continue;
		const char *root = crl_cgroup_root();
		const char *parent = j->args.cgroup_parent ? j->args.cgroup_parent : "/docker";
		_cleanup_free_ char *cgroup =
			root ? path_printf("%s%s/%s", root, parent, e->d_name) : NULL;
		if (cgroup)
			crl_cgroup_remove(cgroup, NULL);
		path_remove_tree(j->tmp_fd, e->d_name, NULL);
	}
}

/* Locked before it gets the name a sweep looks for. */
static int staging_make(struct build_job *j, struct crl_err *err)
{
	_cleanup_free_ char *unlocked = path_printf("new-%s", j->name);

	if (!unlocked)
		return crl_fail_oom(err);
	if (mkdirat(j->tmp_fd, unlocked, 0700) < 0)
		return crl_fail_sys(err, errno, "%s", j->staging);
	j->staging_fd = openat(j->tmp_fd, unlocked, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->staging_fd < 0 || flock(j->staging_fd, LOCK_EX | LOCK_NB) < 0 ||
	    renameat(j->tmp_fd, unlocked, j->tmp_fd, j->name) < 0)
		return crl_fail_sys(err, errno, "%s", j->staging);
	return 0;
}

static int staging_open(struct build_job *j, struct crl_err *err)
{
	_cleanup_free_ char *tmp = path_printf("%s/tmp", j->args.root);
	char id[ID_HEX + 1];

	ident_random(id);
	snprintf(j->name, sizeof(j->name), "build-%.32s", id);
	j->staging = path_printf("%s/tmp/%s", j->args.root, j->name);
	if (!tmp || !j->staging)
		return crl_fail_oom(err);
	j->tmp_fd = open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->tmp_fd < 0)
		return crl_fail_sys(err, errno, "%s", tmp);
	sweep_dead(j);
	return staging_make(j, err);
}

static int context_open(struct build_job *j, int *ret_fd, struct crl_err *err)
{
	_cleanup_close_ int fd = -1;

	if (mkdirat(j->staging_fd, "context", 0755) < 0)
		return crl_fail_sys(err, errno, "context");
	fd = openat(j->staging_fd, "context", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return crl_fail_sys(err, errno, "context");
	if (crl_tar_extract(STDIN_FILENO, fd, 0, 0, err) < 0)
		return crl_context(err, "build context");
	*ret_fd = take_fd(&fd);
	return 0;
}

/* --- the verb --- */

static int fill_options(struct build_job *j, struct crl_build_options *o, struct crl_err *err)
{
	const struct build_args *a = &j->args;
	const cJSON *item;

	if (!str_empty(a->remote))
		return crl_fail(err, CRL_UNSUPPORTED,
				"remote %s: contexts are not fetched from the network; send the "
				"folder itself",
				a->remote);
	if (a->pull)
		return crl_fail(err, CRL_UNSUPPORTED,
				"pull: this version has no registry client; load the base image "
				"and build without it");
	o->root = a->root;
	o->dockerfile = str_empty(a->dockerfile) ? "Dockerfile" : a->dockerfile;
	o->target = a->target;
	o->platform = a->platform;
	o->arch = a->arch;
	o->no_cache = a->no_cache;
	o->network = a->network_mode;
	cJSON_ArrayForEach (item, a->build_args) {
		if (cJSON_IsNull(item))
			continue; /* named, but not set where the client runs */
		if (!cJSON_IsString(item))
			return crl_fail(err, CRL_INVALID, "build argument %s is not a string",
					item->string);
		if (strmap_set(&o->args, item->string, item->valuestring) < 0)
			return crl_fail_oom(err);
	}
	return strmap_copy(&o->labels, &a->labels) < 0 ? crl_fail_oom(err) : 0;
}

/* The exit code reaches the client with the message; see jobs.h. */
static void send_run_error(struct build_job *j, int status, const char *message)
{
	cJSON *m = cJSON_CreateObject();
	cJSON *detail = m ? cJSON_AddObjectToObject(m, "errorDetail") : NULL;

	if (!detail) {
		cJSON_Delete(m);
		return;
	}
	json_add_i64(detail, "code", status);
	json_add_str(detail, "message", message);
	json_add_str(m, "error", message);
	build_send(j, m);
}

static void send_success(struct build_job *j, const struct crl_build_result *r)
{
	cJSON *m = cJSON_CreateObject();
	cJSON *aux = m ? cJSON_AddObjectToObject(m, "aux") : NULL;
	char line[64];

	if (aux)
		json_add_str(aux, "ID", r->id);
	build_send(j, m);
	snprintf(line, sizeof(line), "Successfully built %.12s\n", r->id + strlen("sha256:"));
	build_stream(j, line, strlen(line));
}

static int run_build(struct build_job *j, struct crl_build_options *o, struct crl_build_result *ret,
		     struct crl_err *err)
{
	const struct crl_build_ops ops = {.find_image = op_find_image,
					  .run = op_run,
					  .say = op_say,
					  .cancelled = op_cancelled,
					  .data = j};
	_cleanup_close_ int context = -1;
	int status = 0;

	if (fill_options(j, o, err) < 0 || staging_open(j, err) < 0 ||
	    context_open(j, &context, err) < 0)
		return -1;
	o->staging = j->staging;
	o->context_fd = context;
	if (crl_build(o, &ops, ret, &status, err) < 0) {
		if (status != 0)
			send_run_error(j, status, err->msg);
		return -1;
	}
	send_success(j, ret);
	return 0;
}

static void job_close(struct build_job *j)
{
	if (j->netns_id) {
		cJSON *m = cJSON_CreateObject();
		if (m) {
			json_add_str(m, "call", "netns_release");
			json_add_str(m, "id", j->netns_id);
		}
		build_send(j, m);
	}
	cleanup_close_p(&j->netns_fd);
	if (j->staging_fd >= 0)
		path_remove_tree(j->tmp_fd, j->name, NULL);
	cleanup_close_p(&j->staging_fd);
	cleanup_close_p(&j->tmp_fd);
	free(j->netns_id);
	free(j->staging);
	json_free(&build_args_json, &j->args);
}

static cJSON *result_object(const struct crl_build_result *r)
{
	cJSON *o = cJSON_CreateObject();

	if (o) {
		json_add_str(o, "id", r->id);
		json_add_str(o, "manifest", r->manifest);
		json_add_str(o, "parent", r->parent);
	}
	return o;
}

int build_run(struct worker *w, cJSON **ret_result, struct crl_err *err)
{
	struct build_job j = {.tmp_fd = -1, .staging_fd = -1, .netns_fd = -1};
	struct crl_build_options o = {.context_fd = -1, .store = w->store};
	struct crl_build_result result;

	umask(0); /* modes are given exactly everywhere */
	if (json_decode_tree(&build_args_json, w->args, 0, &j.args, err) < 0)
		return -1;
	int r = run_build(&j, &o, &result, err);
	strmap_free(&o.args);
	strmap_free(&o.labels);
	job_close(&j);
	if (r < 0)
		return -1;
	cJSON *object = result_object(&result);
	if (!object)
		return crl_fail_oom(err);
	*ret_result = object;
	return 0;
}
