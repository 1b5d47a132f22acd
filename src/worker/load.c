/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verb "load": the archive on descriptor 0 into the store. */
#include "control.h"
#include "verbs.h"

#include <image/image_archive.h>

static void show_layer(void *data, const char *diff_id, int64_t bytes)
{
	const bool *quiet = data;
	struct crl_err ignored;
	char id[13];

	if (*quiet)
		return;
	snprintf(id, sizeof(id), "%.12s", store_hex(diff_id));
	(void)control_status("Loading layer", id, bytes, bytes, &ignored);
}

static cJSON *describe(const struct loaded *l)
{
	cJSON *result = cJSON_CreateObject(), *images = cJSON_AddArrayToObject(result, "images");

	for (size_t i = 0; i < l->n; i++) {
		cJSON *o = cJSON_CreateObject();
		json_add_str(o, "id", l->images[i].id);
		json_add_str(o, "manifest", l->images[i].manifest);
		json_add_strv(o, "names", l->images[i].names, false);
		cJSON_AddItemToArray(images, o);
	}
	return result;
}

int load_run(struct worker *w, cJSON **ret_result, struct crl_err *err)
{
	struct loaded loaded;
	bool quiet = json_get_bool(w->args, "quiet");

	if (archive_load(w->store, STDIN_FILENO, show_layer, &quiet, &loaded, err) < 0)
		return -1;
	*ret_result = describe(&loaded);
	loaded_free(&loaded);
	return 0;
}
