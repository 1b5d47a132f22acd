/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The build cache: DATA_ROOT/buildcache/HEX, one small file per finished
 * step. The name is the hash of everything that goes into the step, the
 * content says which layer came out. A record checks itself: one that is torn
 * or whose layer is gone is a miss. Times are in no key.
 */
#include "build_exec.h"

#include <base/ident.h>
#include <base/fd.h>
#include <base/path.h>
#include <base/record.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#define KEY_VERSION "crun-lite build 1"
#define RECORD_KIND "build-step"
#define RECORD_MAX (64U * 1024)

static const struct json_field record_fields[] = {
	JSON_STR(struct build_record, diff_id, "diffID", JSON_OMIT_EMPTY),
	JSON_OBJ(struct build_record, blob, "blob", JSON_OMIT_EMPTY, &crl_descriptor_json),
	JSON_I64S(struct build_record, created, "created", 0),
	JSON_BOOL(struct build_record, empty, "empty", JSON_OMIT_EMPTY),
	JSON_STR(struct build_record, what, "what", JSON_OMIT_EMPTY),
};
static const struct json_table record_json =
	JSON_TABLE("build record", struct build_record, record_fields);

void build_record_free(struct build_record *r)
{
	json_free(&record_json, r);
}

/* --- keys --- */

void build_key_field(struct build_key *k, const char *label, const char *value)
{
	if (!value) {
		buf_printf(&k->text, "%s -\n", label);
		return;
	}
	buf_printf(&k->text, "%s %zu ", label, strlen(value));
	buf_puts(&k->text, value);
	buf_putc(&k->text, '\n');
}

void build_key_list(struct build_key *k, const char *label, char *const *values)
{
	buf_printf(&k->text, "%s [%zu]\n", label, values ? strv_len(values) : 0);
	for (size_t i = 0; values && values[i]; i++)
		build_key_field(k, "-", values[i]);
}

void build_key_start(struct build_key *k, const struct build *b, const struct build_stage *s,
		     const char *kind)
{
	*k = (struct build_key){0};
	buf_printf(&k->text, "%s\n%s\n", KEY_VERSION, kind);
	if (b->plan.epoch >= 0) /* layers are clamped to it */
		buf_printf(&k->text, "epoch %lld\n", (long long)b->plan.epoch);
	/* What is below is named by its content: a rebuilt but equal base is a hit. */
	for (size_t i = 0; i < s->n_layers; i++)
		build_key_field(k, "layer", s->layers[i].diff_id);
}

int build_key_end(struct build_key *k, char ret_hex[65], struct crl_err *err)
{
	bool failed = k->text.failed;

	if (!failed)
		ident_sha256(k->text.data, k->text.len, ret_hex);
	buf_free(&k->text);
	return failed ? crl_fail_oom(err) : 0;
}

/* --- records --- */

int build_cache_open(struct build *b, const char *root, struct crl_err *err)
{
	_cleanup_free_ char *path = path_printf("%s/buildcache", root);

	if (!path)
		return crl_fail_oom(err);
	if (path_mkdir_p(path, 0700, err) < 0)
		return -1;
	b->cache_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return b->cache_fd < 0 ? crl_fail_sys(err, errno, "%s", path) : 0;
}

static int record_decode(const char *text, size_t len, struct build_record *ret)
{
	const char *body;
	size_t body_len;
	if (record_body(RECORD_KIND, 1, text, len, &body, &body_len, NULL) < 0)
		return -1;
	return json_decode(&record_json, body, body_len, 0, ret, NULL);
}

static bool record_usable(struct build *b, const struct build_record *r)
{
	if (r->empty)
		return true;
	return r->diff_id && crl_digest_ok(r->diff_id) && r->blob.digest &&
	       crl_digest_ok(r->blob.digest) && crl_store_has_blob(b->store, r->blob.digest) &&
	       crl_store_has_layer(b->store, r->diff_id);
}

int build_cache_get(struct build *b, const char *hex, struct build_record *ret)
{
	_cleanup_free_ char *text = NULL;
	struct build_record r = {0};
	size_t len;

	if (path_read_file(b->cache_fd, hex, RECORD_MAX, &text, &len, NULL) < 0)
		return 0;
	if (record_decode(text, len, &r) < 0 || !record_usable(b, &r)) {
		build_record_free(&r);
		unlinkat(b->cache_fd, hex, 0);
		return 0;
	}
	/* Prune goes by the last use. */
	(void)utimensat(b->cache_fd, hex, NULL, 0);
	*ret = r;
	return 1;
}

int build_cache_put(struct build *b, const char *hex, const struct build_record *r,
		    struct crl_err *err)
{
	_cleanup_free_ char *json = json_encode(&record_json, r);
	size_t len = 0;
	_cleanup_free_ char *text = json ? record_text(RECORD_KIND, 1, json, &len) : NULL;
	if (!text)
		return crl_fail_oom(err);
	/* Not durable: a record lost to a power cut is a step done again. */
	return path_write_atomic(b->cache_fd, hex, text, len, 0600, false, err);
}
