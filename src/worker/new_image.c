/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Config, history and descriptors for import and commit. */
#include "new_image.h"

#include <base/ident.h>
#include <image/build_plan.h>

static bool only_config(enum dockerfile_op op)
{
	static const enum dockerfile_op allowed[] = {
		DF_CMD,     DF_ENTRYPOINT, DF_ENV,  DF_EXPOSE, DF_HEALTHCHECK, DF_LABEL,
		DF_ONBUILD, DF_STOPSIGNAL, DF_USER, DF_VOLUME, DF_WORKDIR,
	};

	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		if (op == allowed[i])
			return true;
	return false;
}

/* The builder's own editors, on a stage that consists of the image alone. */
static int apply_one(struct build_plan *plan, struct build_stage *stage, const char *text,
		     struct crl_err *err)
{
	struct dockerfile_insn in = {0};

	if (dockerfile_parse_line(text, '\\', &in, err) < 0)
		return -1;
	int r = only_config(in.op) ? build_config_apply(plan, stage, &in, err)
				   : crl_fail(err, CRL_INVALID, "%s is not a valid change command",
					      dockerfile_op_name(in.op));
	dockerfile_insn_free(&in);
	return r;
}

int new_image_change(struct crl_image *img, const cJSON *changes, struct crl_err *err)
{
	struct build_plan plan = {.df = {.escape = '\\'}, .epoch = -1};
	struct build_stage stage = {.image = *img};
	const cJSON *item;
	int r = 0;

	stage.vars = strv_copy(img->config.env);
	cJSON_ArrayForEach (item, changes) {
		if (r == 0 && cJSON_IsString(item) && *item->valuestring)
			r = apply_one(&plan, &stage, item->valuestring, err);
	}
	*img = stage.image;
	strv_free(stage.vars);
	return r < 0 ? crl_context(err, "changes") : 0;
}

static int set_text(char **member, const char *text)
{
	if (str_empty(text))
		return 0;
	free(*member);
	*member = strdup(text);
	return *member ? 0 : -1;
}

int new_image_history(struct crl_image *img, const char *created_by, const char *comment,
		      const char *author, bool empty_layer, struct crl_err *err)
{
	char when[TIME_BUF];
	struct crl_history *v = reallocarray(img->history, img->n_history + 1, sizeof(*v));

	if (!v)
		return crl_fail_oom(err);
	img->history = v;
	v += img->n_history++;
	*v = (struct crl_history){.empty_layer = empty_layer};
	time_rfc3339(time_now_ns(), when);
	if (set_text(&v->created, when) < 0 || set_text(&v->created_by, created_by) < 0 ||
	    set_text(&v->comment, comment) < 0 || set_text(&v->author, author) < 0 ||
	    set_text(&img->created, when) < 0 || set_text(&img->author, author) < 0)
		return crl_fail_oom(err);
	return 0;
}

int new_image_descriptor(const struct crl_layer_info *info, struct crl_descriptor *ret,
			 struct crl_err *err)
{
	ret->media_type = strdup(info->media_type);
	ret->digest = strdup(info->digest);
	ret->size = info->blob_size;
	return ret->media_type && ret->digest ? 0 : crl_fail_oom(err);
}

cJSON *new_image_result(const char *config_digest, const char *manifest_digest)
{
	cJSON *o = cJSON_CreateObject();

	json_add_str(o, "id", config_digest);
	json_add_str(o, "manifest", manifest_digest);
	return o;
}
