/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors as values; see crun-lite/err.h. Owns the one mapping from code to HTTP status. */
#include <crun-lite/err.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The macros speak to callers; here are the functions. */
#undef crl_fail
#undef crl_fail_sys
#undef crl_context
#undef crl_fail_oom

static void mark_cut(struct crl_err *err, int written)
{
	if (written >= (int)sizeof(err->msg))
		memcpy(err->msg + sizeof(err->msg) - 4, "...", 4);
}

int crl_fail(struct crl_err *err, enum crl_code code, const char *fmt, ...)
{
	if (!err)
		return -1;
	va_list ap;
	va_start(ap, fmt);
	mark_cut(err, vsnprintf(err->msg, sizeof(err->msg), fmt, ap));
	va_end(ap);
	err->code = code;
	err->sys = 0;
	return -1;
}

static enum crl_code code_of_errno(int sys)
{
	switch (sys) {
	case ENOSPC:
	case EDQUOT:
	case EIO:
	case EROFS: return CRL_IO;
	case EMFILE:
	case ENFILE:
	case EAGAIN:
	case ENOMEM: return CRL_UNAVAILABLE;
	default: return CRL_KERNEL;
	}
}

int crl_fail_sys(struct crl_err *err, int sys, const char *fmt, ...)
{
	if (!err)
		return -1;
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	if (n >= 0 && n < (int)sizeof(err->msg))
		n += snprintf(err->msg + n, sizeof(err->msg) - (size_t)n, ": %s", strerror(sys));
	mark_cut(err, n);
	err->code = code_of_errno(sys);
	err->sys = sys;
	return -1;
}

int crl_context(struct crl_err *err, const char *fmt, ...)
{
	if (!err)
		return -1;
	char old[sizeof(err->msg)];
	memcpy(old, err->msg, sizeof(old));
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	if (n >= 0 && n < (int)sizeof(err->msg))
		n += snprintf(err->msg + n, sizeof(err->msg) - (size_t)n, ": %s", old);
	mark_cut(err, n);
	return -1;
}

int crl_fail_oom(struct crl_err *err)
{
	crl_fail(err, CRL_UNAVAILABLE, "out of memory");
	if (err)
		err->sys = ENOMEM;
	return -1;
}

static const struct {
	int http;
	const char *name;
} codes[CRL_CODE_COUNT] = {
	[CRL_OK] = {200, "ok"},
	[CRL_INVALID] = {400, "invalid"},
	[CRL_UNAUTHORIZED] = {401, "unauthorized"},
	[CRL_FORBIDDEN] = {403, "forbidden"},
	[CRL_NOT_FOUND] = {404, "not found"},
	[CRL_CONFLICT] = {409, "conflict"},
	[CRL_LIMIT] = {413, "limit"},
	[CRL_UNSUPPORTED] = {501, "unsupported"},
	[CRL_UNAVAILABLE] = {503, "unavailable"},
	[CRL_IO] = {500, "io"},
	[CRL_KERNEL] = {500, "kernel"},
	[CRL_INTERNAL] = {500, "internal"},
};

int crl_code_http(enum crl_code code)
{
	return (unsigned)code < CRL_CODE_COUNT ? codes[code].http : 500;
}

const char *crl_code_name(enum crl_code code)
{
	return (unsigned)code < CRL_CODE_COUNT ? codes[code].name : "unknown";
}
