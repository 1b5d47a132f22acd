/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verb "export": the file system of a container as one tar to descriptor 1.
 * The overlay is mounted read-only and detached, with the container's upper
 * directory as the top lower layer: the running container is not disturbed.
 */
#include "users.h"

#include <base/fd.h>
#include <image/pack.h>

#include <errno.h>
#include <fcntl.h>

static int out_sink(void *data, const void *bytes, size_t len, struct crl_err *err)
{
	return fd_write_all(STDOUT_FILENO, bytes, len, err);
}

static int read_layers(const cJSON *args, char ***ret, struct crl_err *err)
{
	_cleanup_strv_ char **v = NULL;
	const char *upper = json_get_str(args, "upper");

	if (upper && strv_push(&v, upper) < 0)
		return crl_fail_oom(err);
	if (json_get_strv(args, "lowers", &v, err) < 0)
		return -1;
	if (!v)
		return crl_fail(err, CRL_INVALID, "arguments without \"lowers\" and \"upper\"");
	*ret = take_ptr(v);
	return 0;
}

int export_prepare(struct worker *w, struct crl_err *err)
{
	_cleanup_strv_ char **layers = NULL;
	_cleanup_close_ int userns = -1;

	if (read_layers(w->args, &layers, err) < 0 || users_inverse(w->args, &userns, err) < 0)
		return -1;
	const struct crl_overlay o = {.lowers = layers, .top_userns = userns >= 0 ? &userns : NULL};
	return crl_overlay_mount(&o, &w->top_fd, err) < 0 ? crl_context(err, "export") : 0;
}

int export_run(struct worker *w, cJSON **ret_result, struct crl_err *err)
{
	static const struct pack_options whole = {.diff = false};

	if (pack_tree(w->top_fd, &whole, out_sink, NULL, NULL, err) < 0)
		return crl_context(err, "export");
	*ret_result = cJSON_CreateObject();
	return 0;
}
