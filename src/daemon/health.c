/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the rules of health checks. Pure: it neither runs a check nor looks at a clock. */
#include "health.h"

#include <base/ident.h>
#include <inttypes.h>
#include <stdio.h>

#define MS 1000000LL
#define SECOND 1000000000LL
#define DEFAULT_INTERVAL (30 * SECOND)
#define DEFAULT_TIMEOUT (30 * SECOND)
#define DEFAULT_START_INTERVAL (5 * SECOND)
#define DEFAULT_RETRIES 3

#define L struct health_result
static const struct json_field result_fields[] = {
	JSON_I64S(L, start, "start", 0),
	JSON_I64S(L, end, "end", 0),
	JSON_I32(L, exit_code, "exit_code", 0),
	JSON_STR(L, output, "output", JSON_OMIT_EMPTY),
};
static const struct json_table result_json = JSON_TABLE("health result", L, result_fields);
#undef L

#define H struct health
static const struct json_field health_fields[] = {
	JSON_STR(H, status, "status", JSON_REQUIRED),
	JSON_I64(H, failing_streak, "failing_streak", JSON_OMIT_EMPTY),
	JSON_OBJV(H, log, n_log, "log", JSON_OMIT_EMPTY, &result_json),
};
const struct json_table health_json = JSON_TABLE("health", H, health_fields);
#undef H

bool health_wanted(const struct api_health_config *cfg)
{
	/* Docker runs what it knows and leaves the rest, with a line in its log. */
	return cfg && strv_len(cfg->test) > 1 &&
	       (str_eq(cfg->test[0], "CMD") || str_eq(cfg->test[0], "CMD-SHELL"));
}

const char *health_status(const struct health *h)
{
	return h ? h->status : "none";
}

int64_t health_timeout(const struct api_health_config *cfg)
{
	return cfg->timeout ? cfg->timeout : DEFAULT_TIMEOUT;
}

int64_t health_interval(const struct api_health_config *cfg, const struct health *h, int64_t age)
{
	if (age < cfg->start_period && str_eq(h->status, HEALTH_STARTING))
		return cfg->start_interval ? cfg->start_interval : DEFAULT_START_INTERVAL;
	return cfg->interval ? cfg->interval : DEFAULT_INTERVAL;
}

int health_set(struct health *h, const char *status)
{
	if (str_eq(h->status, status))
		return 0;
	char *copy = strdup(status);
	if (!copy)
		return -1;
	free(h->status);
	h->status = copy;
	return 0;
}

int health_begin(struct health **h)
{
	if (!*h && !(*h = calloc(1, sizeof(**h))))
		return -1;
	(*h)->failing_streak = 0;
	return health_set(*h, HEALTH_STARTING);
}

/* The oldest makes room. Without memory the entry is lost, not its meaning. */
static void add_entry(struct health *h, struct health_result *result)
{
	if (h->n_log == HEALTH_LOG_MAX) {
		free(h->log[0].output);
		memmove(h->log, h->log + 1, (HEALTH_LOG_MAX - 1) * sizeof(*h->log));
		h->n_log--;
	} else {
		struct health_result *log = realloc(h->log, (h->n_log + 1) * sizeof(*log));
		if (!log) {
			free(take_ptr(result->output));
			return;
		}
		h->log = log;
	}
	h->log[h->n_log++] = *result;
	result->output = NULL;
}

bool health_take(struct health *h, const struct api_health_config *cfg,
		 struct health_result *result, int64_t age)
{
	int64_t retries = cfg->retries > 0 ? cfg->retries : DEFAULT_RETRIES;
	bool starting = str_eq(h->status, HEALTH_STARTING);
	const char *next = h->status;
	if (result->exit_code == 0) {
		h->failing_streak = 0;
		next = HEALTH_HEALTHY;
	} else if (!starting || age >= cfg->start_period) {
		h->failing_streak++;
		if (h->failing_streak >= retries)
			next = HEALTH_UNHEALTHY;
	}
	add_entry(h, result);
	bool changed = !str_eq(h->status, next);
	return changed && health_set(h, next) == 0;
}

int health_validate(const struct api_health_config *cfg, struct crl_err *err)
{
	if (!cfg)
		return 0;
	const struct {
		const char *name;
		int64_t ns;
	} rows[] = {{"Interval", cfg->interval},
		    {"Timeout", cfg->timeout},
		    {"StartPeriod", cfg->start_period},
		    {"StartInterval", cfg->start_interval}};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (i == 2 && cfg->retries < 0)
			return crl_fail(err, CRL_INVALID,
					"Retries in Healthcheck cannot be negative");
		if (rows[i].ns != 0 && rows[i].ns < MS)
			return crl_fail(err, CRL_INVALID,
					"%s in Healthcheck cannot be less than 1ms", rows[i].name);
	}
	return 0;
}

/* Bytes of the UTF-8 character at `p`, 0 when there is none. */
static size_t utf8_at(const unsigned char *p, size_t len)
{
	size_t n = *p < 0x80   ? 1
		   : *p < 0xC2 ? 0
		   : *p < 0xE0 ? 2
		   : *p < 0xF0 ? 3
		   : *p < 0xF5 ? 4
			       : 0;
	if (n == 0 || n > len || *p == 0)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	/* Overlong, surrogate, beyond the last plane. */
	if ((*p == 0xE0 && p[1] < 0xA0) || (*p == 0xED && p[1] > 0x9F) ||
	    (*p == 0xF0 && p[1] < 0x90) || (*p == 0xF4 && p[1] > 0x8F))
		return 0;
	return n;
}

char *health_text(const char *data, size_t len, bool truncated)
{
	struct buf b = BUF_INIT;
	if (len > HEALTH_OUTPUT_MAX) {
		len = HEALTH_OUTPUT_MAX;
		truncated = true;
	}
	for (size_t i = 0; i < len;) {
		size_t n = utf8_at((const unsigned char *)data + i, len - i);
		if (n)
			buf_add(&b, data + i, n);
		else
			buf_puts(&b, "\xEF\xBF\xBD");
		i += n ? n : 1;
	}
	if (truncated)
		buf_puts(&b, "...");
	return buf_take(&b);
}

char *health_duration(int64_t ns, char buf[48])
{
	int64_t h = ns / (3600 * SECOND), m = ns / (60 * SECOND) % 60;
	double s = (double)(ns % (60 * SECOND)) / (double)SECOND;
	if (ns < SECOND)
		snprintf(buf, 48, "%.12gms", (double)ns / (double)MS);
	else if (h)
		snprintf(buf, 48, "%" PRId64 "h%" PRId64 "m%.12gs", h, m, s);
	else if (m)
		snprintf(buf, 48, "%" PRId64 "m%.12gs", m, s);
	else
		snprintf(buf, 48, "%.12gs", s);
	return buf;
}

cJSON *health_inspect(const struct health *h)
{
	cJSON *o = cJSON_CreateObject();
	char t[TIME_BUF];
	json_add_str(o, "Status", h->status);
	json_add_i64(o, "FailingStreak", h->failing_streak);
	cJSON *log = cJSON_AddArrayToObject(o, "Log");
	for (size_t i = 0; i < h->n_log; i++) {
		cJSON *e = cJSON_CreateObject();
		json_add_str(e, "Start", time_rfc3339(h->log[i].start, t));
		json_add_str(e, "End", time_rfc3339(h->log[i].end, t));
		json_add_i64(e, "ExitCode", h->log[i].exit_code);
		json_add_str(e, "Output", h->log[i].output);
		cJSON_AddItemToArray(log, e);
	}
	return o;
}
