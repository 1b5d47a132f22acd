/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /containers/{id}/checkpoints: not offered, and said in the words of a dockerd
 * that is not in experimental mode, which is how dockerd comes (docs/adr/0019).
 */
#include "api_containers.h"

void api_checkpoints_refuse(struct http_req *r)
{
	struct crl_err err = CRL_ERR_INIT;

	crl_fail(&err, CRL_UNSUPPORTED,
		 "This experimental feature is disabled by default. Start the Docker daemon in "
		 "experimental mode in order to enable it.");
	http_reply_error(r, &err);
}

bool api_checkpoints_start(struct http_req *r)
{
	struct crl_err err = CRL_ERR_INIT;

	if (str_empty(http_query(r, "checkpoint")))
		return true;
	crl_fail(&err, CRL_INVALID, "checkpoint is only supported in experimental mode");
	http_reply_error(r, &err);
	return false;
}
