/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the way of an exec to the monitor: the process as the OCI describes it,
 * made of the container's config and what the exec asks for. Shared by the
 * handlers (api_exec.c) and the health checks (container_health.c).
 */
#include "container_hosts.h"
#include "container.h"
#include "exec.h"
#include "oci_config.h"

static int exec_env(const struct exec *e, char ***ret)
{
	_cleanup_strv_ char **env = NULL;
	char host[128];
	snprintf(host, sizeof(host), "HOSTNAME=%s", e->c->rec.config.hostname);
	if (strv_push(&env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin") <
		    0 ||
	    strv_push(&env, host) < 0 || (e->spec.tty && strv_push(&env, "TERM=xterm") < 0))
		return -1;
	/* A linked container that ended meanwhile is no reason to refuse. */
	_cleanup_strv_ char **links = NULL;
	struct crl_err gone;
	(void)container_link_env(e->c, &links, &gone);
	for (char **v = links; v && *v; v++)
		if (strv_env_set(&env, *v) < 0)
			return -1;
	for (char **v = e->c->rec.config.env; v && *v; v++)
		if (strchr(*v, '=') && strv_env_set(&env, *v) < 0)
			return -1;
	for (char **v = e->spec.env; v && *v; v++)
		if (strchr(*v, '=') && strv_env_set(&env, *v) < 0)
			return -1;
	*ret = take_ptr(env);
	return 0;
}

static int fill_caps(const struct exec *e, struct oci_process *p, struct crl_err *err)
{
	_cleanup_strv_ char **caps = NULL;
	struct api_host_config all = {.privileged = true};
	if (oci_caps(e->spec.privileged ? &all : &e->c->rec.host_config, &caps, err) < 0)
		return -1;
	p->capabilities = calloc(1, sizeof(*p->capabilities));
	if (!p->capabilities)
		return crl_fail_oom(err);
	p->capabilities->bounding = strv_copy(caps);
	p->capabilities->effective = strv_copy(caps);
	p->capabilities->permitted = strv_copy(caps);
	return 0;
}

static int fill_process(const struct exec *e, struct oci_process *p, struct crl_err *err)
{
	struct oci_security sec = {0};
	const struct api_config *cfg = &e->c->rec.config;
	const char *cwd = !str_empty(e->spec.working_dir) ? e->spec.working_dir
			  : !str_empty(cfg->working_dir)  ? cfg->working_dir
							  : "/";
	if (oci_security_parse(&e->c->rec.host_config, &sec, err) < 0)
		return -1;
	p->no_new_privileges = sec.no_new_privileges || e->c->d->config.no_new_privileges;
	oci_security_free(&sec);
	p->terminal = e->spec.tty;
	p->args = strv_copy(e->spec.cmd);
	p->cwd = strdup(cwd);
	if (!p->args || !p->cwd || exec_env(e, &p->env) < 0 ||
	    oci_rlimits(&e->c->rec.host_config.res, p) < 0)
		return crl_fail_oom(err);
	return fill_caps(e, p, err);
}

static bool unconfined(const struct exec *e)
{
	struct oci_security sec = {0};
	struct crl_err ignored;
	bool u = e->spec.privileged || e->c->rec.host_config.privileged;
	if (oci_security_parse(&e->c->rec.host_config, &sec, &ignored) == 0)
		u |= sec.seccomp_unconfined;
	oci_security_free(&sec);
	return u;
}

void exec_publish(const struct exec *e, const char *action)
{
	_cleanup_free_ char *command = strv_join(e->spec.cmd, " ");
	_cleanup_buf_ struct buf b = BUF_INIT;
	buf_printf(&b, "%s: %.400s", action, command ? command : "");
	container_publish(e->c, b.failed ? action : b.data, "execID", e->id, NULL);
}

int exec_send(struct exec *e, const struct exec_streams *io, unsigned deadline_ms,
	      monitor_reply reply, void *data, struct crl_err *err)
{
	struct mon_exec m = {.exec_id = e->id,
			     .tty = e->spec.tty,
			     .open_stdin = e->spec.attach_stdin,
			     .unconfined = unconfined(e),
			     .attach = (struct mon_attach *)io->attach,
			     .tty_rows = e->rows,
			     .tty_cols = e->cols,
			     .group_add = e->c->rec.host_config.group_add,
			     .capture = io->capture,
			     .timeout_ms = io->timeout_ms};
	m.user = !str_empty(e->spec.user) ? e->spec.user : e->c->rec.config.user;
	if (str_empty(m.user))
		m.user = (char *)"0";
	e->running = true;
	exec_publish(e, "exec_start");
	int r = fill_process(e, &m.process, err);
	if (r == 0)
		r = monitor_call(e->c->monitor, "exec", json_encode_tree(&mon_exec_json, &m),
				 &io->client, io->client >= 0 ? 1 : 0, deadline_ms, reply, data,
				 err);
	json_free(&oci_process_json, &m.process);
	return r;
}
