/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The `filters` query parameter: {"label":{"a=b":true}} (Go) or
 * {"label":["a=b"]} (Python, JavaScript). Keys are AND-ed; the values of one
 * key are OR-ed, labels AND-ed.
 */
#ifndef DAEMON_FILTERS_H
#define DAEMON_FILTERS_H

#include <base/str.h>
#include <crun-lite/err.h>

struct http_req;

struct filters {
	struct filter {
		char *key;
		char **values;
	} * items;
	size_t n;
};

/* NULL and "" are no filters. CRL_INVALID for anything that is not one of the two forms. */
int filters_parse(const char *json, struct filters *ret, struct crl_err *err);
/*
 * The request's `filters`, restricted to the keys in `known` (NULL-terminated):
 * others give CRL_INVALID "Invalid filter 'nope'".
 */
int filters_from_request(const struct http_req *r, const char *const *known, struct filters *ret,
			 struct crl_err *err);
void filters_free(struct filters *f);
DEFINE_CLEANUP(struct filters *, filters_free)
#define _cleanup_filters_ _cleanup_(filters_free)

int filters_check(const struct filters *f, const char *const *known, struct crl_err *err);
/* CRL_INVALID "Invalid filter 'status=bogus'": for a value the caller cannot use. */
int filters_bad_value(struct crl_err *err, const char *key, const char *value);
/* Values of a key; NULL when it is not filtered by. */
char *const *filters_get(const struct filters *f, const char *key);

/* The following are true when the key is absent. */
bool filters_match_exact(const struct filters *f, const char *key, const char *value);
bool filters_match_prefix(const struct filters *f, const char *key,
			  const char *value); /* value starts with one of them */
/*
 * Docker's `name`: an unanchored extended regular expression; one that does not
 * compile is compared as plain text. A leading '/' of `value` is not seen.
 */
bool filters_match_name(const struct filters *f, const char *key, const char *value);
/* "key" or "key=value"; all must be there. */
bool filters_match_labels(const struct filters *f, const char *key, const struct strmap *labels);
/* "key" or "key=value"; none may be there (the "label!" of prune). */
bool filters_exclude_labels(const struct filters *f, const char *key, const struct strmap *labels);
/* One boolean value ("true", "1", "false", "0"); absent: `absent`. */
int filters_bool(const struct filters *f, const char *key, bool absent, bool *ret,
		 struct crl_err *err);
/* One time ("until"): 0 when absent. */
int filters_time(const struct filters *f, const char *key, int64_t *ret_ns, struct crl_err *err);

#endif
