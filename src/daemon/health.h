/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of a health check, without timers and processes: what a result
 * changes, and when the next check is due. The rules are those of Docker's
 * HEALTHCHECK (Dockerfile reference; Health and HealthConfig of the API).
 */
#ifndef DAEMON_HEALTH_H
#define DAEMON_HEALTH_H

#include <base/json.h>
#include <crun-lite/api_container.h>

#define HEALTH_LOG_MAX 5
#define HEALTH_OUTPUT_MAX 4096

#define HEALTH_STARTING "starting"
#define HEALTH_HEALTHY "healthy"
#define HEALTH_UNHEALTHY "unhealthy"

struct health_result {
	int64_t start, end; /* CLOCK_REALTIME ns */
	int32_t exit_code;  /* -1: it could not be run, or took too long */
	char *output;
};

struct health {
	char *status; /* one of the three above */
	int64_t failing_streak;
	struct health_result *log; /* oldest first */
	size_t n_log;
};
extern const struct json_table health_json;

/* Whether there is anything to run: neither absent nor NONE. */
bool health_wanted(const struct api_health_config *cfg);
/* "none" of a container without a check. */
const char *health_status(const struct health *h);

/* What a zero in the config stands for. ns. */
int64_t health_timeout(const struct api_health_config *cfg);
/* Time until the next check of a container that runs for `age` ns. */
int64_t health_interval(const struct api_health_config *cfg, const struct health *h, int64_t age);

/* A run begins: starting, no failures. The log stays, as Docker's does. 0, or -1 without memory. */
int health_begin(struct health **h);
int health_set(struct health *h, const char *status);
/*
 * Takes over a result (its output, too) of a check that began when the
 * container had run for `age` ns. True when the status changed.
 */
bool health_take(struct health *h, const struct api_health_config *cfg,
		 struct health_result *result, int64_t age);

/* Docker's words for values that are too small. */
int health_validate(const struct api_health_config *cfg, struct crl_err *err);

/* What a check wrote as text: at most HEALTH_OUTPUT_MAX bytes, U+FFFD for what is no UTF-8, "..."
 * where something is missing. The caller frees. */
char *health_text(const char *data, size_t len, bool truncated);
/* Go's way to print a duration: "1m30s", "1.5s", "300ms". Returns buf. */
char *health_duration(int64_t ns, char buf[48]);

/* Health of inspect. */
cJSON *health_inspect(const struct health *h);

#endif
