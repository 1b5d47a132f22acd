/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the handshake of WebSockets. Frames are never seen here, nor by the
 * monitor: a small process translates them (src/worker/websocket.c). See RFC
 * 6455 section 4.2, unix(7).
 */
#include "websocket.h"

#include "api_containers.h"
#include "daemon.h"
#include "jobs.h"

#include <base/base64.h>
#include <base/fd.h>
#include <base/log.h>
#include <errno.h>
#include <nettle/sha1.h>
#include <strings.h>
#include <sys/socket.h>

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_LEN 24 /* base64 of 16 bytes */

/* One of the words of a list, whatever its case: "keep-alive, Upgrade". */
static bool has_token(const char *list, const char *token)
{
	_cleanup_strv_ char **words = strv_split(list ? list : "", ",", false);

	for (char **w = words; w && *w; w++) {
		const char *word = *w + strspn(*w, " \t");
		size_t n = strcspn(word, " \t");
		if (n == strlen(token) && strncasecmp(word, token, n) == 0)
			return true;
	}
	return false;
}

static bool key_ok(const char *key)
{
	return key && strlen(key) == KEY_LEN &&
	       strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklm"
			   "nopqrstuvwxyz0123456789+/") == KEY_LEN - 2 &&
	       str_eq(key + KEY_LEN - 2, "==");
}

static char *answer_to(const char *key)
{
	uint8_t sum[SHA1_DIGEST_SIZE];
	struct sha1_ctx sha;

	sha1_init(&sha);
	sha1_update(&sha, strlen(key), (const uint8_t *)key);
	sha1_update(&sha, strlen(GUID), (const uint8_t *)GUID);
	sha1_digest(&sha, sizeof(sum), sum);
	return base64_text(sum, sizeof(sum));
}

static bool check(struct http_req *r)
{
	if (!has_token(http_header(r, "Upgrade"), "websocket") ||
	    !has_token(http_header(r, "Connection"), "upgrade") ||
	    !key_ok(http_header(r, "Sec-WebSocket-Key"))) {
		http_reply_message(r, 400, "this address takes WebSocket connections only");
		return false;
	}
	if (!str_eq(http_header(r, "Sec-WebSocket-Version"), "13")) {
		http_add_header(r, "Sec-WebSocket-Version", "13");
		http_reply_message(r, 400, "WebSocket version 13 is needed");
		return false;
	}
	return true;
}

bool websocket_accept(struct http_req *r,
		      void (*done)(struct http_req *r, int fd, const void *early, size_t early_len,
				   void *data),
		      void *data)
{
	if (!check(r))
		return false;
	_cleanup_free_ char *answer = answer_to(http_header(r, "Sec-WebSocket-Key"));
	if (!answer) {
		http_reply_message(r, 503, "out of memory");
		return false;
	}
	http_hijack_websocket(r, answer, done, data);
	return true;
}

static void on_relay_end(struct job *j, const cJSON *result, const struct crl_err *err, void *data)
{
	if (err->code != CRL_OK)
		log_debug("websocket", "error", err->msg, NULL);
}

int websocket_relay(struct daemon *d, int client_fd, const void *early, size_t early_len, bool text,
		    int *ret_fd, struct crl_err *err)
{
	_cleanup_close_ int client = client_fd, ours = -1;
	_cleanup_free_ char *coded = early_len ? base64_text(early, early_len) : NULL;
	struct job *job;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return crl_fail_sys(err, errno, "socketpair");
	ours = pair[0];
	const struct job_spec spec = {.verb = "websocket",
				      .args = cJSON_CreateObject(),
				      .input_fd = take_fd(&client),
				      .output_fd = pair[1],
				      .done = on_relay_end,
				      .outlives = true};
	cJSON_AddBoolToObject(spec.args, "text", text);
	if (coded)
		json_add_str(spec.args, "early", coded);
	if (job_start(d, &spec, &job, err) < 0 || fd_set_nonblock(ours, true, err) < 0)
		return -1;
	*ret_fd = take_fd(&ours);
	return 0;
}
