/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors as values.
 *
 * Every function that can fail takes a `struct crl_err *err` as its last
 * parameter and returns 0 on success or -1 on failure. On failure `err` holds
 * what went wrong; out-parameters are untouched. `err` lives on the caller's
 * stack, owns no memory and fits one pipe write (PIPE_BUF), so a cloned child
 * can send it to its parent whole.
 *
 * Text: what + on what object, outermost context first, no "failed to", no
 * full stop: "run web: mount proc: /proc: Operation not permitted". When the
 * reader can do something about it, the message says what.
 *
 * A function either logs an error or returns it, never both.
 */
#ifndef CRUN_LITE_ERR_H
#define CRUN_LITE_ERR_H

#include <stdbool.h>
#include <stddef.h>

/* One code = one HTTP status = one CLI exit code; see crl_code_http(). */
enum crl_code {
	CRL_OK = 0,
	CRL_INVALID,      /* 400: the caller's input is wrong */
	CRL_UNAUTHORIZED, /* 401 */
	CRL_FORBIDDEN,    /* 403: understood, and refused by rule */
	CRL_NOT_FOUND,    /* 404 */
	CRL_CONFLICT,     /* 409: the object's state does not allow it */
	CRL_LIMIT,        /* 413: a documented limit was exceeded */
	CRL_UNSUPPORTED,  /* 501: this build or kernel cannot do it */
	CRL_UNAVAILABLE,  /* 503: try again later */
	CRL_IO,           /* 500: disk, socket, file */
	CRL_KERNEL,       /* 500: a system call refused; `sys` is its errno */
	CRL_INTERNAL,     /* 500: a bug here */
	CRL_CODE_COUNT,
};

struct crl_err {
	enum crl_code code;
	int sys;        /* errno value behind it, or 0 */
	char msg[1000]; /* NUL-terminated; longer texts are cut with "..." */
};

#define CRL_ERR_INIT                                                                               \
	{                                                                                          \
		.code = CRL_OK                                                                     \
	}

/* Sets `err` (may be NULL) and returns -1, so that `return crl_fail(...)` works. */
int crl_fail(struct crl_err *err, enum crl_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * The same for a failed system call: `sys` is an errno value, its strerror()
 * text is appended after ": ". The code is CRL_KERNEL, but ENOSPC, EDQUOT,
 * EIO and EROFS give CRL_IO, and EMFILE, ENFILE, EAGAIN, ENOMEM give CRL_UNAVAILABLE.
 */
int crl_fail_sys(struct crl_err *err, int sys, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Prefixes "context: " to err->msg on the way up; returns -1. Code and errno stay. */
int crl_context(struct crl_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Out of memory: CRL_UNAVAILABLE with ENOMEM. */
int crl_fail_oom(struct crl_err *err);

/* Tells the compiler, which cannot look into another file, that these return -1:
 * else it warns of values that a caller sets on success only. */
static inline int crl_failed(int r)
{
	(void)r;
	return -1;
}
#define crl_fail(...) crl_failed(crl_fail(__VA_ARGS__))
#define crl_fail_sys(...) crl_failed(crl_fail_sys(__VA_ARGS__))
#define crl_context(...) crl_failed(crl_context(__VA_ARGS__))
#define crl_fail_oom(err) crl_failed(crl_fail_oom(err))

/* HTTP status of a code (200 for CRL_OK). */
int crl_code_http(enum crl_code code);

/* Short stable name ("not found"), for logs. */
const char *crl_code_name(enum crl_code code);

#endif
