/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns record.json of a volume: a self-checking record (base/record.h). Records of earlier versions
 * are plain JSON and still read.
 */
#include "volume_record.h"

#include <base/ident.h>
#include <base/path.h>
#include <base/record.h>
#include <errno.h>
#include <sys/stat.h>

#define RECORD_KIND "volume"
#define RECORD_VERSION 1
#define RECORD_MAX (256 * 1024)

static const struct json_field volume_fields[] = {
	JSON_STR(struct volume, name, "Name", JSON_REQUIRED),
	JSON_STR(struct volume, created, "CreatedAt", JSON_REQUIRED),
	JSON_STRMAP(struct volume, labels, "Labels", JSON_OMIT_EMPTY),
	JSON_STRMAP(struct volume, options, "Options", JSON_OMIT_EMPTY),
	JSON_STR(struct volume, maker, "Container", JSON_OMIT_EMPTY),
};
static const struct json_table volume_json = JSON_TABLE("volume", struct volume, volume_fields);

void volume_free(struct volume *v)
{
	if (!v)
		return;
	strv_free(v->users);
	json_free(&volume_json, v);
	free(v);
}

struct volume *volume_without_record(const char *name, int64_t created_ns)
{
	_cleanup_(volume_free_p) struct volume *v = calloc(1, sizeof(*v));
	char when[TIME_BUF];
	if (!v)
		return NULL;
	v->name = strdup(name);
	v->created = strdup(time_rfc3339(created_ns / 1000000000 * 1000000000, when));
	return v->name && v->created ? take_ptr(v) : NULL;
}

int volume_record_read(int dir, const char *name, struct volume **ret, struct crl_err *err)
{
	_cleanup_free_ char *path = path_printf("%s/record.json", name), *text = NULL;
	_cleanup_(volume_free_p) struct volume *v = calloc(1, sizeof(*v));
	const char *body;
	size_t len;
	if (!path || !v)
		return crl_fail_oom(err);
	if (path_read_file(dir, path, RECORD_MAX, &text, &len, err) < 0)
		return -1;
	body = text;
	if (*text != '{' &&
	    record_body(RECORD_KIND, RECORD_VERSION, text, len, &body, &len, err) < 0)
		return -1;
	if (json_decode(&volume_json, body, len, JSON_LAX, v, err) < 0)
		return -1;
	if (!str_eq(v->name, name))
		return crl_fail(err, CRL_IO, "record names %s", v->name);
	*ret = take_ptr(v);
	return 0;
}

int volume_record_write(int dir, const struct volume *v, struct crl_err *err)
{
	_cleanup_close_ int folder = -1;
	_cleanup_free_ char *body = json_encode(&volume_json, v), *text = NULL;
	size_t len;
	if (!body || !(text = record_text(RECORD_KIND, RECORD_VERSION, body, &len)))
		return crl_fail_oom(err);
	if (mkdirat(dir, v->name, 0701) < 0 && errno != EEXIST)
		return crl_fail_sys(err, errno, "volume %s", v->name);
	folder = openat(dir, v->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0 || (mkdirat(folder, "_data", 0755) < 0 && errno != EEXIST))
		return crl_fail_sys(err, errno, "volume %s", v->name);
	if (path_write_atomic(folder, "record.json", text, len, 0600, true, err) < 0)
		return -1;
	return fsync(dir) < 0 ? crl_fail_sys(err, errno, "volumes") : 0;
}

/* --- options --- */

/* Which option needs which others. */
static const struct {
	const char *name, *needs[2];
} options_known[] = {
	{"device", {"type"}}, {"type", {"device"}}, {"o", {"device", "type"}}, {"size", {NULL}}};

int volume_check_options(const struct strmap *options, struct crl_err *err)
{
	for (size_t i = 0; i < options->n; i++) {
		bool known = false;
		for (size_t k = 0; k < ARRAY_SIZE(options_known); k++)
			known |= str_eq(options->items[i].key, options_known[k].name);
		if (!known)
			return crl_fail(err, CRL_INVALID, "invalid option: \"%s\"",
					options->items[i].key);
	}
	if (strmap_get(options, "size"))
		return crl_fail(err, CRL_INVALID, "quota size requested but no quota support");
	for (size_t k = 0; k < ARRAY_SIZE(options_known); k++)
		for (size_t n = 0; n < 2 && options_known[k].needs[n]; n++)
			if (strmap_get(options, options_known[k].name) &&
			    !strmap_get(options, options_known[k].needs[n]))
				return crl_fail(err, CRL_INVALID, "missing required option: \"%s\"",
						options_known[k].needs[n]);
	return 0;
}

bool volume_needs_mount(const struct volume *v)
{
	return !str_empty(strmap_get(&v->options, "device")) ||
	       !str_empty(strmap_get(&v->options, "type"));
}
