/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The build verb's side of the control socket: progress, questions, answers.
 * Text of strangers (the output of RUN) becomes valid UTF-8 on its way.
 */
#include "build.h"
#include "control.h"

#include <base/fd.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#define STREAM_MAX 8192U /* bytes of text a message: escaping may make six of one */

void build_send(struct build_job *j, cJSON *message)
{
	struct crl_err ignored = CRL_ERR_INIT;

	if (j->cancelled)
		cJSON_Delete(message);
	else if (control_send(message, &ignored) < 0)
		j->cancelled = true; /* nobody listens any more */
}

/* Length of the valid UTF-8 sequence at s, 0 when there is none. */
static size_t utf8_length(const unsigned char *s, size_t n)
{
	size_t len = s[0] < 0x80                   ? 1
		     : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
		     : (s[0] & 0xf0) == 0xe0       ? 3
		     : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
						   : 0;

	if (len == 0 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

static char *utf8_clean(const char *text, size_t len)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	const unsigned char *s = (const unsigned char *)text;

	while (len > 0) {
		size_t n = utf8_length(s, len);
		if (n > 0 && *s)
			buf_add(&out, s, n);
		else
			buf_puts(&out, "\xef\xbf\xbd");
		n = n ? n : 1;
		s += n;
		len -= n;
	}
	return buf_take(&out);
}

void build_stream(struct build_job *j, const char *text, size_t len)
{
	while (len > 0) {
		size_t n = len > STREAM_MAX ? STREAM_MAX : len;
		/* Not in the middle of a character. */
		for (size_t back = 0;
		     n < len && back < 3 && ((unsigned char)text[n] & 0xc0) == 0x80; back++)
			n--;
		_cleanup_free_ char *clean = utf8_clean(text, n);
		cJSON *m = cJSON_CreateObject();
		if (m && clean)
			json_add_str(m, "stream", clean);
		build_send(j, m);
		text += n;
		len -= n;
	}
}

static int refused(const cJSON *answer, struct crl_err *err)
{
	const char *error = json_get_str(answer, "error");

	return error ? crl_fail(err, CRL_NOT_FOUND, "%s", error) : 0;
}

/* Waits for the answer to `seq`; answers to questions that were given up are passed over. */
static int receive(struct build_job *j, int64_t seq, cJSON **ret_answer, int *ret_fd,
		   struct crl_err *err)
{
	for (;;) {
		_cleanup_cjson_ cJSON *answer = NULL;
		_cleanup_close_ int fd = -1;
		int64_t got = 0;

		if (control_receive(&answer, &fd, err) < 0) {
			j->cancelled = err->code == CRL_UNAVAILABLE;
			return -1;
		}
		if (!json_get_i64(answer, "seq", &got) || got != seq)
			continue;
		if (refused(answer, err) < 0)
			return -1;
		*ret_answer = take_ptr(answer);
		if (ret_fd)
			*ret_fd = take_fd(&fd);
		return 0;
	}
}

int build_call(struct build_job *j, cJSON *request, cJSON **ret_answer, int *ret_fd,
	       struct crl_err *err)
{
	int64_t seq = ++j->seq;

	if (!request)
		return crl_fail_oom(err);
	json_add_i64(request, "seq", seq);
	build_send(j, request);
	if (j->cancelled)
		return crl_fail(err, CRL_UNAVAILABLE, "the daemon went away");
	return receive(j, seq, ret_answer, ret_fd, err);
}

bool build_cancelled(struct build_job *j)
{
	struct pollfd p = {.fd = CONTROL_FD, .events = POLLIN | POLLRDHUP};

	if (!j->cancelled && poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLRDHUP | POLLERR)))
		j->cancelled = true;
	return j->cancelled;
}
