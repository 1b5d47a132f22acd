/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verb "commit": a container's upper directory becomes a layer on top of its image. */
#include "new_image.h"
#include "users.h"

#include <errno.h>
#include <fcntl.h>

struct commit {
	struct crl_image img;
	struct crl_descriptor *layers; /* the parent's, then the new one */
	size_t n_layers;
	struct crl_manifest parent;
};

static void commit_free(struct commit *c)
{
	json_free(&crl_image_json, &c->img);
	json_free(&crl_manifest_json, &c->parent);
	free(c->layers);
}

/* The config the caller wants in place of the parent's. */
static int set_config(struct commit *c, const cJSON *args, struct crl_err *err)
{
	const cJSON *config = cJSON_GetObjectItemCaseSensitive(args, "config");

	if (cJSON_IsObject(config)) {
		json_free(&crl_image_config_json, &c->img.config);
		if (json_decode_tree(&crl_image_config_json, config, JSON_LAX, &c->img.config,
				     err) < 0)
			return -1;
	}
	return new_image_change(&c->img, cJSON_GetObjectItemCaseSensitive(args, "changes"), err);
}

static int load_parent(struct worker *w, struct commit *c, struct crl_err *err)
{
	const char *image = json_get_str(w->args, "image"),
		   *manifest = json_get_str(w->args, "manifest");

	if (!image || !manifest)
		return crl_fail(err, CRL_INVALID, "arguments without \"image\" and \"manifest\"");
	if (crl_store_load_image(w->store, image, &c->img, err) < 0 ||
	    crl_store_load_manifest(w->store, manifest, &c->parent, err) < 0)
		return -1;
	if (strv_len(c->img.rootfs.diff_ids) != c->parent.n_layers)
		return crl_fail(err, CRL_IO, "image %s: layers do not match its manifest", image);
	c->layers = calloc(c->parent.n_layers + 1, sizeof(*c->layers));
	if (!c->layers)
		return crl_fail_oom(err);
	for (; c->n_layers < c->parent.n_layers; c->n_layers++)
		c->layers[c->n_layers] = c->parent.layers[c->n_layers];
	return 0;
}

int commit_prepare(struct worker *w, struct crl_err *err)
{
	const char *upper = json_get_str(w->args, "upper");
	_cleanup_strv_ char **lowers = NULL;

	if (!upper)
		return crl_fail(err, CRL_INVALID, "arguments without \"upper\"");
	if (json_get_strv(w->args, "lowers", &lowers, err) < 0 ||
	    layer_fds_open(lowers, &w->layers, err) < 0)
		return -1;
	return users_open_upper(w->args, upper, &w->top_fd, err);
}

static int commit_image(struct worker *w, struct commit *c, char manifest[80], char config[80],
			struct crl_err *err)
{
	struct crl_descriptor layer = {0};
	struct crl_layer_info info;

	if (load_parent(w, c, err) < 0 || set_config(c, w->args, err) < 0 ||
	    layer_commit(w->store, w->top_fd, &w->layers, &info, err) < 0)
		return -1;
	if (new_image_history(&c->img, json_get_str(w->args, "command"),
			      json_get_str(w->args, "message"), json_get_str(w->args, "author"),
			      info.entries == 0, err) < 0)
		return -1;
	if (info.entries > 0 && strv_push(&c->img.rootfs.diff_ids, info.diff_id) < 0)
		return crl_fail_oom(err);
	int r = new_image_descriptor(&info, &layer, err);
	if (r == 0 && info.entries > 0)
		c->layers[c->n_layers++] = layer;
	if (r == 0)
		r = crl_image_write(w->store, &c->img, c->layers, c->n_layers, manifest, config,
				    err);
	json_free(&crl_descriptor_json, &layer);
	return r;
}

int commit_run(struct worker *w, cJSON **ret_result, struct crl_err *err)
{
	_cleanup_(commit_free) struct commit c = {0};
	char manifest[80], config[80];

	if (commit_image(w, &c, manifest, config, err) < 0)
		return -1;
	*ret_result = new_image_result(config, manifest);
	return 0;
}
