/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verb "save": images of the store as an archive to descriptor 1. */
#include "verbs.h"

#include <image/image_archive.h>

struct list {
	struct saved_image *v;
	size_t n;
};

static void list_free(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		strv_free(l->v[i].names);
	free(l->v);
}

static int read_images(const cJSON *images, struct list *l, struct crl_err *err)
{
	const cJSON *item, *name;

	if (!cJSON_IsArray(images))
		return crl_fail(err, CRL_INVALID, "arguments without \"images\"");
	l->v = calloc((size_t)cJSON_GetArraySize(images) + 1, sizeof(*l->v));
	if (!l->v)
		return crl_fail_oom(err);
	cJSON_ArrayForEach (item, images) {
		struct saved_image *img = &l->v[l->n++];
		img->manifest = (char *)json_get_str(item, "manifest");
		if (!img->manifest)
			return crl_fail(err, CRL_INVALID, "image without \"manifest\"");
		cJSON_ArrayForEach (name, cJSON_GetObjectItemCaseSensitive(item, "names")) {
			if (cJSON_IsString(name) && strv_push(&img->names, name->valuestring) < 0)
				return crl_fail_oom(err);
		}
	}
	return 0;
}

int save_run(struct worker *w, cJSON **ret_result, struct crl_err *err)
{
	_cleanup_(list_free) struct list l = {0};

	if (read_images(cJSON_GetObjectItemCaseSensitive(w->args, "images"), &l, err) < 0 ||
	    archive_save(w->store, l.v, l.n, STDOUT_FILENO, err) < 0)
		return -1;
	*ret_result = cJSON_CreateObject();
	return 0;
}
