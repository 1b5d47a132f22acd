// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * POST /build and POST /build/prune. The query becomes the worker's arguments
 * (jobs.h says which); what is wrong with it is said before the worker starts.
 */
#include "api_images.h"
#include "daemon.h"
#include "http.h"
#include "images.h"
#include "images_json.h"
#include "job_reply.h"

#include <base/ident.h>
#include <base/path.h>
#include <dirent.h>

struct build_request {
	char **names; /* full references of the t= parameters */
	bool quiet;
};

static void request_free(void *data)
{
	struct build_request *b = data;

	if (!b)
		return;
	strv_free(b->names);
	free(b);
}
DEFINE_CLEANUP(struct build_request *, request_free)

/* --- query -> arguments --- */

struct param {
	const char *query, *arg;
};

static void add_strings(const struct http_req *r, cJSON *args)
{
	static const struct param params[] = {
		{"dockerfile", "dockerfile"},   {"remote", "remote"},
		{"target", "target"},           {"platform", "platform"},
		{"networkmode", "networkmode"}, {"cpusetcpus", "cpusetcpus"},
		{"cpusetmems", "cpusetmems"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(params); i++) {
		const char *value = http_query(r, params[i].query);

		if (!str_empty(value))
			json_add_str(args, params[i].arg, value);
	}
}

static int add_numbers(const struct http_req *r, cJSON *args, struct crl_err *err)
{
	static const char *const keys[] = {"memory",    "memswap",  "cpushares",
					   "cpuperiod", "cpuquota", "shmsize"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		int64_t value;

		if (http_query_i64(r, keys[i], 0, &value, err) < 0)
			return -1;
		if (value != 0)
			json_add_i64(args, keys[i], value);
	}
	return 0;
}

/* Parameters that are JSON themselves. */
static int add_json(const struct http_req *r, const char *key, bool object, cJSON *args,
		    struct crl_err *err)
{
	const char *text = http_query(r, key);
	_cleanup_cjson_ cJSON *tree = NULL;

	if (str_empty(text))
		return 0;
	if (json_parse(text, strlen(text), JSON_MAX_SIZE, &tree, err) < 0)
		return crl_context(err, "build: %s", key);
	if (cJSON_IsNull(tree))
		return 0;
	if (object ? !cJSON_IsObject(tree) : !cJSON_IsArray(tree))
		return crl_fail(err, CRL_INVALID, "build: %s: expected a JSON %s", key,
				object ? "object" : "list");
	cJSON_AddItemToObject(args, key, take_ptr(tree));
	return 0;
}

static int read_names(const struct http_req *r, struct build_request *b, struct crl_err *err)
{
	_cleanup_strv_ char **tags = http_query_all(r, "t");

	for (char **tag = tags; tag && *tag; tag++) {
		char *full;

		if (str_empty(*tag))
			continue;
		if (image_full_name(*tag, NULL, &full, err) < 0)
			return -1;
		if (b->names && strv_contains(b->names, full))
			free(full);
		else if (strv_take(&b->names, full) < 0)
			return crl_fail_oom(err);
	}
	return 0;
}

/* The host's file (the worker leaves out what a namespace cannot reach), or --dns as a file. */
static int add_resolv_conf(const struct daemon *d, cJSON *args, struct crl_err *err)
{
	_cleanup_free_ char *path = path_printf("%s/build-resolv.conf", d->config.exec_root);
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (strv_len(d->config.dns) == 0) {
		json_add_str(args, "resolv_conf", "/etc/resolv.conf");
		return 0;
	}
	for (char **dns = d->config.dns; *dns; dns++)
		buf_printf(&text, "nameserver %s\n", *dns);
	if (!path || text.failed)
		return crl_fail_oom(err);
	if (path_write_atomic(AT_FDCWD, path, text.data, text.len, 0644, false, err) < 0)
		return -1;
	json_add_str(args, "resolv_conf", path);
	return 0;
}

/* What the steps' containers need of this daemon. */
static int add_surroundings(struct http_req *r, cJSON *args, struct crl_err *err)
{
	const struct daemon *d = http_daemon(r);
	_cleanup_free_ char *cache = path_printf("%s/seccomp", d->config.exec_root);

	if (!cache)
		return crl_fail_oom(err);
	json_add_str(args, "cache_dir", cache);
	if (add_resolv_conf(d, args, err) < 0)
		return -1;
	json_add_str(args, "cgroup_parent", "/docker");
	json_add_str(args, "arch", daemon_arch());
	cJSON_AddBoolToObject(args, "no_new_privileges", d->config.no_new_privileges);
	return 0;
}

static int read_request(struct http_req *r, struct build_request *b, cJSON *args,
			struct crl_err *err)
{
	const char *version = http_query(r, "version");
	_cleanup_strv_ char **hosts = NULL;

	if (str_eq(version, "2"))
		return crl_fail(err, CRL_UNSUPPORTED,
				"BuildKit is not here: build with DOCKER_BUILDKIT=0 (the classic "
				"builder)");
	b->quiet = http_query_bool(r, "q", false);
	if (read_names(r, b, err) < 0)
		return -1;
	add_strings(r, args);
	if (add_numbers(r, args, err) < 0 || add_json(r, "buildargs", true, args, err) < 0 ||
	    add_json(r, "labels", true, args, err) < 0 ||
	    add_json(r, "ulimits", false, args, err) < 0)
		return -1;
	hosts = http_query_all(r, "extrahosts");
	if (hosts && !str_empty(hosts[0]))
		json_add_strv(args, "extrahosts", hosts, false);
	json_add_strv(args, "tags", b->names, false);
	cJSON_AddBoolToObject(args, "nocache", http_query_bool(r, "nocache", false));
	cJSON_AddBoolToObject(args, "pull", http_query_bool(r, "pull", false));
	return add_surroundings(r, args, err);
}

/* --- the end --- */

static int finish_build(struct http_req *r, const cJSON *result, void *data, struct crl_err *err)
{
	const struct build_request *b = data;
	const char *manifest = json_get_str(result, "manifest");
	struct daemon *d = http_daemon(r);
	struct image *img;

	if (!manifest)
		return crl_fail(err, CRL_INTERNAL, "build: the worker named no manifest");
	if (images_add(d, manifest, b->names, json_get_str(result, "parent"), &img, err) < 0)
		return -1;
	images_publish(d, "create", img, img->id);
	if (b->quiet)
		job_reply_stream_line(r, "%s\n", img->id);
	for (char **name = b->names; name && *name; name++) {
		_cleanup_free_ char *shown = image_familiar_name(*name, true);

		images_publish(d, "tag", img, shown ? shown : *name);
		if (!b->quiet)
			job_reply_stream_line(r, "Successfully tagged %s\n", shown ? shown : *name);
	}
	return 0;
}

void api_build_run(struct http_req *r)
{
	_cleanup_(request_free_p) struct build_request *b = calloc(1, sizeof(*b));
	_cleanup_cjson_ cJSON *args = cJSON_CreateObject();
	struct job_reply job = {.verb = "build",
				.takes_body = true,
				.finish = finish_build,
				.destroy = request_free};
	struct crl_err err;

	if (!b || !args) {
		http_reply_message(r, 503, "out of memory");
		return;
	}
	if (read_request(r, b, args, &err) < 0) {
		http_reply_error(r, &err);
		return;
	}
	job.hold = b->quiet;
	job.args = take_ptr(args);
	job.data = take_ptr(b);
	job_reply_start(r, &job);
}
