// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fixed answers: status, headers, a body known in full. Every answer carries
 * the headers by which Docker clients negotiate.
 */
#include "http_internal.h"
#include "metrics.h"

#include <base/log.h>

void http_add_common_headers(struct http_req *r, struct MHD_Response *response)
{
	(void)MHD_add_response_header(response, "Api-Version", HTTP_API_VERSION_TEXT);
	(void)MHD_add_response_header(response, "Docker-Experimental", "false");
	(void)MHD_add_response_header(response, "Ostype", "linux");
	(void)MHD_add_response_header(response, "Server", HTTP_SERVER_TEXT);
	for (size_t i = 0; i < r->headers.n; i++)
		(void)MHD_add_response_header(response, r->headers.items[i].key,
					      r->headers.items[i].value);
}

/* Takes `response`; NULL (no memory) drops the connection. */
void http_set_answer(struct http_req *r, int status, struct MHD_Response *response)
{
	if (r->answered || r->gone) {
		if (r->answered)
			log_error("a request was answered twice", "path", r->path, NULL);
		if (response)
			MHD_destroy_response(response);
		return;
	}
	r->answered = true;
	r->status = status;
	metrics_answer(r->server->daemon, r->match.route, status, time_boot_ns() - r->began);
	r->response = response;
	if (response)
		http_add_common_headers(r, response);
	else
		r->close_now = true;
	/* A body that nobody takes any more is read and dropped, so that the client comes to read.
	 */
	if (!r->body_end && r->sink_fd < 0)
		r->discard = true;
	http_resume(r);
}

static void reply_buffer(struct http_req *r, int status, const char *type, const void *body,
			 size_t len, enum MHD_ResponseMemoryMode mode)
{
	/* MHD does not write to the buffer whatever the mode; its type merely lacks the const. */
	struct MHD_Response *response =
		MHD_create_response_from_buffer(len, (void *)(uintptr_t)body, mode);

	if (!response && mode == MHD_RESPMEM_MUST_FREE)
		free((void *)(uintptr_t)body);
	if (response && type)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	http_set_answer(r, status, response);
}

void http_reply(struct http_req *r, int status, const char *content_type, const void *body,
		size_t len)
{
	reply_buffer(r, status, content_type, body, len, MHD_RESPMEM_MUST_COPY);
}

void http_reply_text(struct http_req *r, int status, char *json)
{
	if (!json) {
		http_reply_message(r, 500, "out of memory");
		return;
	}
	reply_buffer(r, status, "application/json", json, strlen(json), MHD_RESPMEM_MUST_FREE);
}

void http_reply_json(struct http_req *r, int status, cJSON *tree)
{
	char *text = tree ? cJSON_PrintUnformatted(tree) : NULL;

	cJSON_Delete(tree);
	http_reply_text(r, status, text);
}

void http_reply_empty(struct http_req *r, int status)
{
	reply_buffer(r, status, NULL, "", 0, MHD_RESPMEM_PERSISTENT);
}

void http_reply_message(struct http_req *r, int status, const char *fmt, ...)
{
	_cleanup_cjson_ cJSON *tree = cJSON_CreateObject();
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_free_ char *json = NULL;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	json_add_str(tree, "message", text.data);
	json = cJSON_PrintUnformatted(tree);
	if (json)
		reply_buffer(r, status, "application/json", json, strlen(json),
			     MHD_RESPMEM_MUST_COPY);
	else
		http_set_answer(r, 500, NULL);
}

void http_reply_error(struct http_req *r, const struct crl_err *err)
{
	http_reply_message(r, crl_code_http(err->code == CRL_OK ? CRL_INTERNAL : err->code), "%s",
			   err->msg);
}

void http_add_header(struct http_req *r, const char *name, const char *value)
{
	(void)strmap_set(&r->headers, name, value);
}
