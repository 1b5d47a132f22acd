/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the forms of a syslog message. Local sockets get the short one of
 * syslog(3), others what was asked for. See RFC 3164 section 4, RFC 5424
 * section 6; a message ends with a newline (RFC 6587, non-transparent framing).
 */
#include "log_remote.h"

#include <string.h>
#include <time.h>

#define SEVERITY_INFO 6
#define SEVERITY_ERR 3

/* RFC 3164: "Jan  2 15:04:05", local time, always in English. */
static void short_time(int64_t ns, char buf[24])
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t s = (time_t)(ns / 1000000000);
	struct tm tm;
	localtime_r(&s, &tm);
	snprintf(buf, 24, "%.3s %2d %02d:%02d:%02d", months + tm.tm_mon % 12 * 3, tm.tm_mday % 100,
		 tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* RFC 5424: with the zone, and microseconds when asked for. */
static void long_time(int64_t ns, bool micro, char buf[48])
{
	time_t s = (time_t)(ns / 1000000000);
	char day[24], zone[8] = "+0000", fraction[12] = "";
	struct tm tm;
	localtime_r(&s, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	strftime(zone, sizeof(zone), "%z", &tm);
	if (micro)
		snprintf(fraction, sizeof(fraction), ".%06d", (int)(ns % 1000000000 / 1000));
	if (strcmp(zone, "+0000") == 0)
		snprintf(buf, 48, "%s%sZ", day, fraction);
	else
		snprintf(buf, 48, "%s%s%.3s:%.2s", day, fraction, zone, zone + 3);
}

static void render(struct log_remote *r, const struct log_record *rec, struct buf *out)
{
	int priority = r->facility * 8 + (rec->stream == 2 ? SEVERITY_ERR : SEVERITY_INFO);
	int pid = (int)getpid();
	char t[48];
	if (str_starts(r->format, "rfc5424")) {
		long_time(rec->time, str_eq(r->format, "rfc5424micro"), t);
		buf_printf(out, "<%d>1 %s %s %s %d %s - ", priority, t, r->hostname, r->tag, pid,
			   r->tag);
	} else if (str_eq(r->format, "rfc3164")) {
		short_time(rec->time, t);
		buf_printf(out, "<%d>%s %s %s[%d]: ", priority, t, r->hostname, r->tag, pid);
	} else {
		short_time(rec->time, t);
		buf_printf(out, "<%d>%s %s[%d]: ", priority, t, r->tag, pid);
	}
	buf_add(out, rec->text, rec->len);
	buf_putc(out, '\n');
}

int log_syslog_init(struct log_remote *r, const struct mon_log *log, struct crl_err *err)
{
	char host[256] = "";
	(void)gethostname(host, sizeof(host) - 1);
	r->hostname = strdup(*host ? host : "-");
	r->tag = strdup(str_empty(log->tag) ? "-" : log->tag);
	r->format = strdup(log->format ? log->format : "");
	r->facility = log->facility;
	r->render = render;
	/* A blank ends a field of the header. */
	for (char *p = r->tag; p && *p; p++)
		if ((unsigned char)*p <= ' ')
			*p = '_';
	return r->hostname && r->tag && r->format ? 0 : crl_fail_oom(err);
}
