/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hooks that belong to the command line: after the start and after the end. */
#include "../hooks.h"
#include "cli.h"

static struct hook_state describe(const struct oci_spec *spec, const struct state *s,
				  const char *status)
{
	return (struct hook_state){.spec = spec,
				   .id = s->id,
				   .bundle = s->bundle,
				   .status = status,
				   .pid = (pid_t)s->pid};
}

int cli_poststart(const struct oci_spec *spec, const struct state *s, struct crl_err *err)
{
	if (!spec->hooks)
		return 0;
	struct hook_state h = describe(spec, s, "running");
	if (hooks_run(spec->hooks->poststart, spec->hooks->n_poststart, &h, err) < 0)
		return crl_context(err, "poststart");
	return 0;
}

void cli_poststop(const struct oci_spec *spec, const struct state *s)
{
	struct crl_err err = CRL_ERR_INIT;
	if (!spec->hooks)
		return;
	struct hook_state h = describe(spec, s, "stopped");
	h.pid = 0;
	/* The container is gone: each one runs, and none can fail anything any more. */
	for (size_t i = 0; i < spec->hooks->n_poststop; i++)
		if (hooks_run(&spec->hooks->poststop[i], 1, &h, &err) < 0)
			fprintf(stderr, "crun-lite-runtime: warning: poststop: %s\n", err.msg);
}
