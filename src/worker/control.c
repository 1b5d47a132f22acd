/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages to and from the daemon. Owns descriptor 3. See unix(7), SOCK_SEQPACKET. */
#include "control.h"

#include <base/fd.h>
#include <base/str.h>

int control_send(cJSON *message, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *own = message;
	_cleanup_free_ char *text = own ? cJSON_PrintUnformatted(own) : NULL;

	if (!text)
		return crl_fail_oom(err);
	size_t len = strlen(text);
	if (len > CONTROL_MESSAGE_MAX)
		return crl_fail(err, CRL_INTERNAL, "control message of %zu bytes", len);
	return fd_send_msg(CONTROL_FD, text, len, NULL, 0, err);
}

int control_stream(struct crl_err *err, const char *fmt, ...)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	cJSON *m = cJSON_CreateObject();
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	json_add_str(m, "stream", b.data);
	return control_send(m, err);
}

int control_status(const char *status, const char *id, int64_t current, int64_t total,
		   struct crl_err *err)
{
	cJSON *m = cJSON_CreateObject();

	json_add_str(m, "status", status);
	cJSON *detail = cJSON_AddObjectToObject(m, "progressDetail");
	if (detail && total > 0) {
		json_add_i64(detail, "current", current);
		json_add_i64(detail, "total", total);
	}
	if (id)
		json_add_str(m, "id", id);
	return control_send(m, err);
}

int control_result(cJSON *result, struct crl_err *err)
{
	cJSON *m = cJSON_CreateObject();

	cJSON_AddItemToObject(m, "result", result);
	return control_send(m, err);
}

void control_error(const struct crl_err *what)
{
	cJSON *m = cJSON_CreateObject(), *e = cJSON_AddObjectToObject(m, "error");
	struct crl_err ignored;

	json_add_i64(e, "code", what->code);
	json_add_str(e, "message", what->msg);
	(void)control_send(m, &ignored);
}

int control_receive(cJSON **ret, int *ret_fd, struct crl_err *err)
{
	_cleanup_free_ char *text = malloc(CONTROL_MESSAGE_MAX);
	_cleanup_close_ int fd = -1;
	size_t len = 0, nfds = 0;
	cJSON *tree;

	if (!text)
		return crl_fail_oom(err);
	if (fd_recv_msg(CONTROL_FD, text, CONTROL_MESSAGE_MAX, &len, &fd, 1, &nfds, err) < 0)
		return -1;
	if (len == 0)
		return crl_fail(err, CRL_UNAVAILABLE, "the daemon is gone");
	if (json_parse(text, len, CONTROL_MESSAGE_MAX, &tree, err) < 0)
		return -1;
	*ret = tree;
	*ret_fd = nfds ? take_fd(&fd) : -1;
	return 0;
}
