/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one container shows of itself: top and port. */
#include <cli/commands.h>

#include <cli/listing.h>

/* ---- top ---- */

static void add_line(struct buf *out, const cJSON *cells)
{
	const cJSON *c;
	cJSON_ArrayForEach (c, cells)
		buf_printf(out, "%s%s", c == cells->child ? "" : "\t",
			   cJSON_IsString(c) ? c->valuestring : "");
	buf_putc(out, '\n');
}

static int top_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *reply = NULL;
	_cleanup_buf_ struct buf path = BUF_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_free_ char *object = client_object_path("containers", o->args[0], "top");
	_cleanup_free_ char *args = o->n_args > 1 ? strv_join(o->args + 1, " ") : NULL;
	const cJSON *row;
	buf_puts(&path, object ? object : "");
	if (args) {
		buf_puts(&path, "?ps_args=");
		http_escape(&path, args);
	}
	if (!object || path.failed)
		return crl_fail_oom(err);
	if (client_get(&cli->client, path.data, &reply, err) < 0)
		return -1;
	add_line(&out, cJSON_GetObjectItemCaseSensitive(reply, "Titles"));
	cJSON_ArrayForEach (row, cJSON_GetObjectItemCaseSensitive(reply, "Processes"))
		add_line(&out, row);
	if (out.failed)
		return crl_fail_oom(err);
	listing_columns(out.data, 20, stdout);
	return 0;
}

const struct command cmd_top = {
	.usage = "CONTAINER [ps OPTIONS]",
	.summary = "Show the processes of a container",
	.min_args = 1,
	.max_args = CLI_MANY,
	.stop_at_arg = true,
	.complete = COMPLETE_CONTAINERS,
	.run = top_main,
};

/* ---- port ---- */

static void print_port(const cJSON *bindings, const char *prefix)
{
	const cJSON *b;
	cJSON_ArrayForEach (b, bindings) {
		const char *ip = json_get_str(b, "HostIp"), *port = json_get_str(b, "HostPort");
		printf("%s%s%s%s:%s\n", prefix, ip && strchr(ip, ':') ? "[" : "", ip ? ip : "",
		       ip && strchr(ip, ':') ? "]" : "", port ? port : "");
	}
}

static int port_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *c = NULL;
	_cleanup_free_ char *path = client_object_path("containers", o->args[0], "json");
	const cJSON *p;
	if (!path)
		return crl_fail_oom(err);
	if (client_get(&cli->client, path, &c, err) < 0)
		return -1;
	const cJSON *ports = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(c, "NetworkSettings"), "Ports");
	if (o->n_args == 1) {
		cJSON_ArrayForEach (p, ports) {
			_cleanup_free_ char *prefix = client_path("%s -> ", p->string);
			print_port(p, prefix ? prefix : "");
		}
		return 0;
	}
	const char *wanted = o->args[1];
	_cleanup_free_ char *key = client_path("%s%s", wanted, strchr(wanted, '/') ? "" : "/tcp");
	p = key ? cJSON_GetObjectItemCaseSensitive(ports, key) : NULL;
	if (!cJSON_GetArraySize(p))
		return crl_fail(err, CRL_NOT_FOUND, "Error: No public port '%s' published for %s",
				key ? key : wanted, o->args[0]);
	print_port(p, "");
	return 0;
}

const struct command cmd_port = {
	.usage = "CONTAINER [PRIVATE_PORT[/PROTO]]",
	.summary = "List the published ports of a container",
	.min_args = 1,
	.max_args = 2,
	.complete = COMPLETE_CONTAINERS,
	.run = port_main,
};
