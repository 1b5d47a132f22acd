/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The result: history, layers and config of the target stage as an image in the store. */
#include "build_exec.h"

#include <base/ident.h>
#include <crun-lite/layer.h>
#include <stdlib.h>

int build_history_add(struct build_stage *s, const struct build_step *st, int64_t created,
		      bool empty, struct crl_err *err)
{
	struct crl_image *img = &s->image;
	char when[TIME_BUF];
	struct crl_history *grown = realloc(img->history, (img->n_history + 1) * sizeof(*grown));

	if (!grown)
		return crl_fail_oom(err);
	img->history = grown;
	struct crl_history *h = &img->history[img->n_history];
	*h = (struct crl_history){.created = strdup(time_rfc3339(created, when)),
				  .created_by = strdup(st->created_by),
				  .empty_layer = empty};
	if (!h->created || !h->created_by) {
		free(h->created);
		free(h->created_by);
		return crl_fail_oom(err);
	}
	img->n_history++;
	return 0;
}

static int apply_labels(const struct build *b, struct crl_image *img, struct crl_err *err)
{
	const struct strmap *labels = &b->plan.options->labels;

	for (size_t i = 0; i < labels->n; i++)
		if (strmap_set(&img->config.labels, labels->items[i].key,
			       labels->items[i].value ? labels->items[i].value : "") < 0)
			return crl_fail_oom(err);
	return 0;
}

/* When exactly this image was first built: so that building it again gives the same id. */
static int image_time(struct build *b, const struct crl_image *img, int64_t *ret,
		      struct crl_err *err)
{
	_cleanup_free_ char *json = json_encode(&crl_image_json, img);
	struct build_record r = {0};
	struct build_key k = {0};
	char hex[65];

	if (b->plan.epoch >= 0) {
		*ret = b->plan.epoch * 1000000000;
		return 0;
	}
	if (!json)
		return crl_fail_oom(err);
	buf_puts(&k.text, "crun-lite image 1\n");
	buf_puts(&k.text, json);
	if (build_key_end(&k, hex, err) < 0)
		return -1;
	if (build_cache_get(b, hex, &r)) {
		*ret = r.created;
		build_record_free(&r);
		return 0;
	}
	r.created = time_now_ns();
	r.empty = true;
	if (build_cache_put(b, hex, &r, err) < 0)
		return -1;
	*ret = r.created;
	return 0;
}

static int set_layers(struct build_stage *s, struct crl_err *err)
{
	struct crl_rootfs *r = &s->image.rootfs;

	strv_free(r->diff_ids);
	r->diff_ids = build_stage_diff_ids(s);
	if (!r->type)
		r->type = strdup("layers");
	return r->diff_ids && r->type ? 0 : crl_fail_oom(err);
}

int build_image_finish(struct build *b, struct build_stage *s, struct crl_build_result *ret,
		       struct crl_err *err)
{
	_cleanup_free_ struct crl_descriptor *layers = calloc(s->n_layers + 1, sizeof(*layers));
	struct crl_build_result r = {0};
	char when[TIME_BUF];
	int64_t created = 0;

	if (!layers)
		return crl_fail_oom(err);
	if (s->n_steps == 1 && s->base_manifest && b->plan.options->labels.n == 0) {
		/* FROM alone: the base itself, not a copy under another id. */
		snprintf(ret->id, sizeof(ret->id), "%s", s->base_id);
		snprintf(ret->manifest, sizeof(ret->manifest), "%s", s->base_manifest);
		ret->parent[0] = 0;
		return 0;
	}
	for (size_t i = 0; i < s->n_layers; i++) /* borrowed, only written out */
		layers[i] = s->layers[i].blob;
	free(s->image.created);
	s->image.created = NULL;
	if (set_layers(s, err) < 0 || apply_labels(b, &s->image, err) < 0 ||
	    image_time(b, &s->image, &created, err) < 0)
		return -1;
	s->image.created = strdup(time_rfc3339(created, when));
	if (!s->image.created)
		return crl_fail_oom(err);
	if (crl_image_write(b->store, &s->image, layers, s->n_layers, r.manifest, r.id, err) < 0)
		return -1;
	if (s->base_id)
		snprintf(r.parent, sizeof(r.parent), "%s", s->base_id);
	*ret = r;
	return 0;
}
