/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * POST /commit: a container becomes an image. The worker makes the layer and
 * the image; here its config is put together, the container is paused
 * meanwhile, and the image gets its name.
 */
#include "api_archive.h"

#include "api_containers.h"
#include "container_merge.h"
#include "container_root.h"
#include "images.h"
#include "images_json.h"
#include "jobs.h"

#include <base/log.h>

struct commit {
	struct http_req *r; /* NULL: the client is gone */
	struct daemon *d;
	struct job *job;
	char id[ID_HEX + 1];
	char *name; /* of the image, full form; NULL: none */
	char *comment, *parent;
	bool paused; /* by us */
};

/* The container must not stay frozen, however this ends. */
static void let_go(struct commit *m)
{
	struct crl_err err = CRL_ERR_INIT;
	struct container *c;

	if (!m->paused)
		return;
	m->paused = false;
	if (container_find(m->d, m->id, &c, &err) == 0 && c->state == FSM_PAUSED &&
	    container_pause(c, false, &err) < 0)
		log_warn("unpause after commit", "container", m->id, "error", err.msg, NULL);
}

static void commit_free(void *data)
{
	struct commit *m = data;

	if (m->job)
		job_cancel(m->job);
	let_go(m);
	free(m->name);
	free(m->comment);
	free(m->parent);
	free(m);
}

static void on_client_gone(struct http_req *r, void *data)
{
	struct commit *m = data;

	if (m->job)
		job_cancel(take_ptr(m->job));
	let_go(m);
}

/* --- the end --- */

static void publish(struct commit *m, const struct image *img)
{
	struct container *c;
	/* As a person would write it: "made:1". */
	_cleanup_free_ char *name = m->name ? image_familiar_name(m->name, true) : NULL;

	if (container_find(m->d, m->id, &c, NULL) == 0)
		container_publish(c, "commit", "comment", m->comment, "imageID", img->id,
				  "imageRef", name ? name : "", NULL);
	if (m->name)
		images_publish(m->d, "tag", img, name ? name : m->name);
}

static int add_image(struct commit *m, const cJSON *result, struct crl_err *err)
{
	const char *manifest = json_get_str(result, "manifest");
	char *names[] = {m->name, NULL};
	struct image *img;

	if (!manifest)
		return crl_fail(err, CRL_INTERNAL, "commit: the worker named no manifest");
	if (images_add(m->d, manifest, m->name ? names : NULL, m->parent, &img, err) < 0)
		return -1;
	publish(m, img);
	cJSON *out = cJSON_CreateObject();
	json_add_str(out, "Id", img->id);
	http_reply_json(m->r, 201, out);
	return 0;
}

static void on_done(struct job *j, const cJSON *result, const struct crl_err *err, void *data)
{
	struct commit *m = data;
	struct crl_err e = *err;

	m->job = NULL;
	let_go(m);
	if (e.code == CRL_OK)
		(void)add_image(m, result, &e);
	if (e.code != CRL_OK)
		http_reply_error(m->r, &e);
}

/* --- the config --- */

static int add_volumes(struct api_config *to, const struct api_config *from, struct crl_err *err)
{
	for (char **v = from->volumes; v && *v; v++)
		if (!strv_contains(to->volumes, *v) && strv_push(&to->volumes, *v) < 0)
			return crl_fail_oom(err);
	return 0;
}

/* What the request leaves out comes from the container, by the rules by which a container takes
 * from its image: the same keys mean the same there. */
static int merge_config(struct api_config *body, const struct container *c, cJSON **ret,
			struct crl_err *err)
{
	/* Through text: an encoded tree holds large numbers, a health check's, as raw text. */
	_cleanup_free_ char *own = json_encode(&api_config_json, &c->rec.config);
	struct crl_image_config base = {0};

	if (!own)
		return crl_fail_oom(err);
	if (json_decode(&crl_image_config_json, own, strlen(own), JSON_LAX, &base, err) < 0)
		return -1;
	int r = container_merge_image(body, &base, err);
	json_free(&crl_image_config_json, &base);
	if (r < 0 || add_volumes(body, &c->rec.config, err) < 0)
		return -1;
	*ret = json_encode_tree(&api_config_json, body);
	return *ret ? 0 : crl_fail_oom(err);
}

/* Docker's client sends "null" for no config. */
static int read_config(struct http_req *r, const struct container *c, cJSON **ret,
		       struct crl_err *err)
{
	struct api_config body = {0};
	size_t len;
	const char *text = http_body(r, &len);
	bool none = len >= 4 && memcmp(text, "null", 4) == 0;

	if (!none && http_decode_body(r, &api_config_json, true, &body, err) < 0)
		return -1;
	int result = merge_config(&body, c, ret, err);
	json_free(&api_config_json, &body);
	return result;
}

static char *command_line(const struct container *c)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	buf_puts(&b, c->rec.path ? c->rec.path : "");
	for (char **a = c->rec.args; a && *a; a++)
		buf_printf(&b, " %s", *a);
	return buf_take(&b);
}

/* --- the request --- */

static int fill_args(struct http_req *r, struct container *c, const struct image *img, cJSON *args,
		     struct crl_err *err)
{
	_cleanup_strv_ char **changes = http_query_all(r, "changes");
	_cleanup_free_ char *command = command_line(c);
	cJSON *config;

	if (read_config(r, c, &config, err) < 0)
		return -1;
	cJSON_AddItemToObject(args, "config", config);
	json_add_strv(args, "changes", changes, false);
	json_add_str(args, "image", img->id);
	json_add_str(args, "manifest", img->manifest_digest);
	json_add_str(args, "author", http_query(r, "author"));
	json_add_str(args, "message", http_query(r, "comment"));
	json_add_str(args, "command", command);
	json_add_str(args, "container", c->rec.id);
	container_layer_args(c, args);
	return 0;
}

static int query_name(struct http_req *r, char **ret, struct crl_err *err)
{
	const char *repo = http_query(r, "repo");

	if (str_empty(repo))
		return 0;
	return image_full_name(repo, http_query(r, "tag"), ret, err);
}

static int start(struct commit *m, struct container *c, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *args = cJSON_CreateObject();
	const char *comment = http_query(m->r, "comment");
	struct image *img;

	if (!args || !(m->comment = strdup(comment ? comment : "")))
		return crl_fail_oom(err);
	if (query_name(m->r, &m->name, err) < 0 ||
	    images_find(m->d, c->rec.image_id, &img, err) < 0 ||
	    fill_args(m->r, c, img, args, err) < 0)
		return -1;
	m->parent = strdup(img->id);
	if (c->state == FSM_RUNNING && http_query_bool(m->r, "pause", true)) {
		if (container_pause(c, true, err) < 0)
			return -1;
		m->paused = true;
	}
	const struct job_spec spec = {.verb = "commit",
				      .args = take_ptr(args),
				      .input_fd = -1,
				      .output_fd = -1,
				      .done = on_done,
				      .data = m};
	return job_start(m->d, &spec, &m->job, err);
}

static bool find(struct http_req *r, struct container **ret)
{
	const char *name = http_query(r, "container");
	struct crl_err err = CRL_ERR_INIT;

	if (container_find(http_daemon(r), name ? name : "", ret, &err) == 0)
		return true;
	http_reply_error(r, &err);
	return false;
}

void api_commit(struct http_req *r)
{
	struct crl_err err = CRL_ERR_INIT;
	struct container *c;

	if (!find(r, &c))
		return;
	struct commit *m = calloc(1, sizeof(*m));
	if (!m) {
		http_reply_message(r, 503, "out of memory");
		return;
	}
	m->r = r;
	m->d = http_daemon(r);
	memcpy(m->id, c->rec.id, sizeof(m->id));
	http_set_data(r, m, commit_free);
	http_on_close(r, on_client_gone);
	if (start(m, c, &err) < 0) {
		let_go(m);
		http_reply_error(r, &err);
	}
}
