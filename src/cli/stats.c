/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stats: what containers use. Rounds of one two-sample call per container, so
 * that one connection is enough whatever their number.
 */
#include <cli/commands.h>

#include <cli/format.h>
#include <cli/listing.h>
#include <time.h>

static const struct opt_spec stats_opts[] = {
	{'a', "all", OPT_BOOL, NULL, "Show all containers, not only running ones"},
	{0, "format", OPT_STR, "string", "Format the output: table, json or a template"},
	{0, "no-stream", OPT_BOOL, NULL, "Show one result and stop"},
	{0, "no-trunc", OPT_BOOL, NULL, "Do not shorten the output"},
};

static const struct listing_column columns[] = {
	{"ID", "CONTAINER ID"}, {"Container", "CONTAINER"},        {"Name", "NAME"},
	{"CPUPerc", "CPU %"},   {"MemUsage", "MEM USAGE / LIMIT"}, {"MemPerc", "MEM %"},
	{"NetIO", "NET I/O"},   {"BlockIO", "BLOCK I/O"},          {"PIDs", "PIDS"},
};

static const struct listing listing = {
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.table = "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{."
		 "BlockIO}}\t{{.PIDs}}",
};

static double number(const cJSON *o, const char *key)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(o, key);
	return cJSON_IsNumber(n) ? n->valuedouble : 0;
}

static const cJSON *sub(const cJSON *o, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(o, key);
}

/* Share of one CPU between the two samples of an answer. */
static double cpu_percent(const cJSON *s)
{
	const cJSON *now = sub(s, "cpu_stats"), *before = sub(s, "precpu_stats");
	double used = number(sub(now, "cpu_usage"), "total_usage") -
		      number(sub(before, "cpu_usage"), "total_usage");
	double system = number(now, "system_cpu_usage") - number(before, "system_cpu_usage");
	double cpus = number(now, "online_cpus");
	if (cpus <= 0)
		cpus = cJSON_GetArraySize(sub(sub(now, "cpu_usage"), "percpu_usage"));
	return used > 0 && system > 0 ? used / system * cpus * 100 : 0;
}

/* Page cache that can be dropped at once is not counted, as docker does. */
static double memory_used(const cJSON *memory)
{
	double usage = number(memory, "usage");
	const cJSON *detail = sub(memory, "stats");
	double cache = number(detail, "total_inactive_file");
	if (cache <= 0)
		cache = number(detail, "inactive_file");
	return cache < usage ? usage - cache : usage;
}

static void pair(cJSON *row, const char *key, double a, double b)
{
	char x[32], y[32], text[80];
	snprintf(text, sizeof text, "%s / %s", str_size_decimal(a, x), str_size_decimal(b, y));
	json_add_str(row, key, text);
}

static void add_network(cJSON *row, const cJSON *s)
{
	const cJSON *n;
	double in = 0, out = 0;
	cJSON_ArrayForEach (n, sub(s, "networks")) {
		in += number(n, "rx_bytes");
		out += number(n, "tx_bytes");
	}
	pair(row, "NetIO", in, out);
}

static void add_block(cJSON *row, const cJSON *s)
{
	const cJSON *e;
	double in = 0, out = 0;
	cJSON_ArrayForEach (e, sub(sub(s, "blkio_stats"), "io_service_bytes_recursive")) {
		const char *op = json_get_str(e, "op");
		if (op && (op[0] == 'r' || op[0] == 'R'))
			in += number(e, "value");
		else if (op && (op[0] == 'w' || op[0] == 'W'))
			out += number(e, "value");
	}
	pair(row, "BlockIO", in, out);
}

static void add_memory(cJSON *row, const cJSON *memory)
{
	char x[32], y[32], text[80];
	double used = memory_used(memory), limit = number(memory, "limit");
	snprintf(text, sizeof text, "%s / %s", str_size_binary(used, x), str_size_binary(limit, y));
	json_add_str(row, "MemUsage", text);
	snprintf(text, sizeof text, "%.2f%%", limit > 0 ? used / limit * 100 : 0);
	json_add_str(row, "MemPerc", text);
}

static cJSON *make_row(const cJSON *s, const char *asked, bool no_trunc)
{
	cJSON *row = cJSON_CreateObject();
	_cleanup_buf_ struct buf id = BUF_INIT;
	const char *name = json_get_str(s, "name");
	char text[40];
	format_short_id(&id, json_get_str(s, "id"), no_trunc);
	add_block(row, s);
	snprintf(text, sizeof text, "%.2f%%", cpu_percent(s));
	json_add_str(row, "CPUPerc", text);
	json_add_str(row, "Container", asked);
	json_add_str(row, "ID", id.data);
	add_memory(row, sub(s, "memory_stats"));
	json_add_str(row, "Name", name && *name == '/' ? name + 1 : name);
	add_network(row, s);
	snprintf(text, sizeof text, "%.0f", number(sub(s, "pids_stats"), "current"));
	json_add_str(row, "PIDs", text);
	return row;
}

static int running_names(struct cli *cli, bool all, char ***ret, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *list = NULL;
	_cleanup_strv_ char **names = NULL;
	const cJSON *c;
	if (client_get(&cli->client, all ? "/containers/json?all=1" : "/containers/json", &list,
		       err) < 0)
		return -1;
	cJSON_ArrayForEach (c, list) {
		const char *id = json_get_str(c, "Id");
		if (id && strv_push(&names, id) < 0)
			return crl_fail_oom(err);
	}
	*ret = take_ptr(names);
	return 0;
}

/*
 * All requests are sent before the first answer is awaited: each takes the
 * daemon a second, and they shall take that second together.
 */
static int ask(struct cli *cli, const char *name, struct http_conn *conn, struct crl_err *err)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	buf_printf(&path, "/v%s/containers/", cli->client.version);
	http_escape(&path, name);
	buf_puts(&path, "/stats?stream=0");
	if (path.failed)
		return crl_fail_oom(err);
	struct http_request r = {.method = "GET", .path = path.data};
	return http_connect(cli->client.host, conn, err) < 0 ? -1 : http_send(conn, &r, err);
}

static int answer(struct http_conn *conn, const char *name, bool no_trunc, cJSON *rows,
		  struct crl_err *err)
{
	_cleanup_response_ struct http_response head = {0};
	_cleanup_free_ char *text = NULL;
	_cleanup_cjson_ cJSON *s = NULL;
	size_t len;
	if (client_answer(conn, false, &head, err) < 0 ||
	    http_read_all(conn, &head, CLIENT_MAX_REPLY, &text, &len, err) < 0 ||
	    json_parse(text, len, CLIENT_MAX_REPLY, &s, err) < 0)
		return -1;
	listing_add(rows, make_row(s, name, no_trunc), NULL);
	return 0;
}

static int collect(struct cli *cli, char *const *names, bool given, bool no_trunc, cJSON *rows,
		   struct crl_err *err)
{
	size_t n = names ? strv_len(names) : 0;
	_cleanup_free_ struct http_conn *conns = calloc(n + 1, sizeof *conns);
	int r = 0;
	if (!conns)
		return crl_fail_oom(err);
	for (size_t i = 0; i < n; i++)
		conns[i] = (struct http_conn)HTTP_CONN_INIT;
	for (size_t i = 0; i < n && r == 0; i++)
		r = ask(cli, names[i], &conns[i], err);
	for (size_t i = 0; i < n && r == 0; i++) {
		r = answer(&conns[i], names[i], no_trunc, rows, err);
		if (r < 0 && !given && err->code == CRL_NOT_FOUND)
			r = 0; /* it ended between the list and the question */
	}
	for (size_t i = 0; i < n; i++)
		http_close(&conns[i]);
	return r;
}

static int round_of(struct cli *cli, const struct opts *o, bool clear, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *rows = cJSON_CreateArray();
	_cleanup_strv_ char **names = NULL;
	if (!o->n_args && running_names(cli, opt_bool(o, "all"), &names, err) < 0)
		return -1;
	if (client_agree(&cli->client, err) < 0 ||
	    collect(cli, o->n_args ? o->args : names, o->n_args > 0, opt_bool(o, "no-trunc"), rows,
		    err) < 0)
		return -1;
	if (clear)
		fputs("\033[2J\033[H", stdout);
	int r = listing_print(&listing, opt_str(o, "format"), false, rows, err);
	(void)fflush(stdout);
	return r;
}

static int stats_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	bool once = opt_bool(o, "no-stream");
	bool clear = !once && isatty(STDOUT_FILENO) && str_empty(opt_str(o, "format"));
	do {
		if (round_of(cli, o, clear, err) < 0)
			return -1;
		if (!once) /* with no container the daemon does not slow us down */
			(void)nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
	} while (!once);
	return 0;
}

const struct command cmd_stats = {
	.usage = "[OPTIONS] [CONTAINER...]",
	.summary = "Show what containers use, as it changes",
	CLI_OPTS(stats_opts),
	.max_args = CLI_MANY,
	.complete = COMPLETE_CONTAINERS,
	.run = stats_main,
};
