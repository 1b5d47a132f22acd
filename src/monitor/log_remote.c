/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the choice of the remote driver, and the account of what did not get through. */
#include "log_remote.h"

#include <base/ident.h>
#include <inttypes.h>

#define JOURNAL_SOCKET "unixgram:///run/systemd/journal/socket"
#define BUFFER_DEFAULT (1024U * 1024)
#define BUFFER_MIN (64U * 1024)
#define BUFFER_MAX (64U * 1024 * 1024)

static size_t buffer_size(const struct mon_log *log)
{
	if (log->max_buffer <= 0)
		return BUFFER_DEFAULT;
	return log->max_buffer < BUFFER_MIN   ? BUFFER_MIN
	       : log->max_buffer > BUFFER_MAX ? BUFFER_MAX
					      : (size_t)log->max_buffer;
}

static int connect_journald(struct log_remote *r, const struct mon_log *log, struct crl_err *err)
{
	const char *address = str_empty(log->address) ? JOURNAL_SOCKET : log->address;
	if (log_socket_open(&r->socket, address, err) == 0) {
		r->socket.large_by_memfd = true;
		return 0;
	}
	return crl_fail(err, CRL_UNAVAILABLE, "journald is not enabled on this host");
}

static int connect_syslog(struct log_remote *r, const struct mon_log *log, struct crl_err *err)
{
	static const char *const places[] = {"unixgram:///dev/log", "unixgram:///var/run/syslog",
					     "unixgram:///var/run/log"};
	if (!str_empty(log->address))
		return log_socket_open(&r->socket, log->address, err);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (log_socket_open(&r->socket, places[i], err) == 0)
			return 0;
	return crl_fail(err, CRL_UNAVAILABLE, "Unix syslog delivery error");
}

int log_remote_open(const struct mon_log *log, struct loop *loop, struct log_remote **ret,
		    struct crl_err *err)
{
	struct log_remote *r = calloc(1, sizeof(*r));
	bool journald = str_eq(log->driver, "journald");
	if (!r)
		return crl_fail_oom(err);
	log_socket_init(&r->socket, loop, buffer_size(log));
	int n = journald ? log_journald_init(r, log, err) : log_syslog_init(r, log, err);
	if (n == 0)
		n = journald ? connect_journald(r, log, err) : connect_syslog(r, log, err);
	if (n < 0) {
		log_remote_close(r);
		return crl_context(err, "failed to initialize logging driver");
	}
	*ret = r;
	return 0;
}

static bool send_record(struct log_remote *r, const struct log_record *rec)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	r->render(r, rec, &b);
	return !b.failed && log_socket_send(&r->socket, b.data, b.len);
}

static bool send_gap(struct log_remote *r)
{
	char text[160], time[TIME_BUF];
	int n = snprintf(text, sizeof(text),
			 "crun-lite: %" PRIu64 " lines (%" PRIu64
			 " bytes) of output are missing here: the receiver did not take them",
			 r->lost_records, r->lost_bytes);
	int64_t at = time_now_ns();
	const struct log_record rec = {.text = (const uint8_t *)text,
				       .len = (size_t)n,
				       .stream = 2,
				       .newline = true,
				       .time = at,
				       .time_text = time_rfc3339(at, time)};
	if (!send_record(r, &rec))
		return false;
	r->lost_records = r->lost_bytes = 0;
	return true;
}

void log_remote_put(struct log_remote *r, const struct log_record *rec)
{
	/* First the gap, at its place; with room for more than that, or it would come line by line.
	 */
	bool open = !r->lost_records || (log_socket_has_room(&r->socket) && send_gap(r));
	if (open && send_record(r, rec))
		return;
	r->lost_records++;
	r->lost_bytes += rec->len + rec->newline;
}

void log_remote_close(struct log_remote *r)
{
	if (!r)
		return;
	if (r->lost_records)
		(void)send_gap(r);
	log_socket_close(&r->socket);
	buf_free(&r->fixed);
	free(r->tag);
	free(r->hostname);
	free(r->format);
	free(r);
}
