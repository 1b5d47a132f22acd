/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's network part without the rest of the daemon, driven by lines on
 * stdin, for tests in network namespaces and for measuring:
 *
 *	net_tool DATA_FOLDER SUFFIX
 *	acquire NAME [NETWORK] [HOST_IP:HOST_PORT:PORT/PROTO ...]   prints address and namespace
 *	release NAME
 *	bench ROUNDS [HOST_IP:HOST_PORT:PORT/PROTO ...]             microseconds per acquire and
 *release create NAME SUBNET GATEWAY [internal]                       a bridge network remove NAME
 *	wait MILLISECONDS                                           runs the event loop
 *	crash                                                       ends without any clean-up
 *
 * Each answer is one line, "ok ..." or "error ...".
 */
#include <daemon/daemon.h>
#include <daemon/db.h>
#include <daemon/events.h>
#include <daemon/network.h>
#include <daemon/network_priv.h>

#include <base/fd.h>
#include <base/log.h>
#include <base/path.h>
#include <poll.h>

#define MAX_ENDPOINTS 256

static struct daemon daemon_;
static struct {
	char name[64];
	struct net_endpoint ep;
} endpoints[MAX_ENDPOINTS];

static void answer_error(const struct crl_err *err)
{
	printf("error %s\n", err->msg);
}

static void run_loop(int64_t ms)
{
	int64_t end = time_boot_ns() + ms * 1000 * 1000;

	do
		sd_event_run(daemon_.event, ms ? 1000 : 0);
	while (time_boot_ns() < end);
}

static size_t slot_of(const char *name)
{
	for (size_t i = 0; i < MAX_ENDPOINTS; i++)
		if (str_eq(endpoints[i].name, name))
			return i;
	return MAX_ENDPOINTS;
}

static bool parse_port(const char *text, struct net_port *p)
{
	unsigned host, container;

	*p = (struct net_port){0};
	if (sscanf(text, "%45[^:]:%u:%u/%4s", p->host_ip, &host, &container, p->proto) != 4)
		return false;
	p->host_port = (uint16_t)host;
	p->container_port = (uint16_t)container;
	return true;
}

static size_t parse_ports(char **words, struct net_port *ports, size_t max)
{
	size_t n = 0;

	for (; words && *words && n < max; words++)
		n += parse_port(*words, &ports[n]);
	return n;
}

/* What the containers part does with the record: the endpoint must survive a crash. */
static void save(const char *name, const struct net_endpoint *ep)
{
	_cleanup_cjson_ cJSON *tree = net_endpoint_to_json(ep);
	_cleanup_free_ char *text = cJSON_PrintUnformatted(tree);
	struct crl_err err;

	db_put(daemon_.db, "endpoint", name, text, false, &err);
}

static void command_acquire(char **w)
{
	struct net_port ports[16];
	const char *network = w[2] && !strchr(w[2], ':') ? w[2] : "bridge";
	struct net_request req = {.container_id = w[1],
				  .container_name = w[1],
				  .network = network,
				  .ports = ports,
				  .n_ports = parse_ports(w + (network == w[2] ? 3 : 2), ports, 16)};
	struct crl_err err = CRL_ERR_INIT;
	size_t slot = slot_of("");

	if (slot == MAX_ENDPOINTS || net_acquire(&daemon_, &req, &endpoints[slot].ep, &err) < 0) {
		answer_error(&err);
		return;
	}
	struct net_endpoint *ep = &endpoints[slot].ep;
	snprintf(endpoints[slot].name, sizeof(endpoints[slot].name), "%s", w[1]);
	save(w[1], ep);
	printf("ok %s /proc/%d/fd/%d %s", ep->ip, (int)getpid(), ep->netns_fd, ep->link);
	for (size_t i = 0; i < ep->n_ports; i++)
		printf(" %s:%u", ep->ports[i].host_ip, ep->ports[i].host_port);
	printf("\n");
}

static void command_release(char **w)
{
	struct crl_err err;
	size_t slot = slot_of(w[1]);

	if (slot == MAX_ENDPOINTS) {
		printf("error no endpoint %s\n", w[1]);
		return;
	}
	net_release(&daemon_, &endpoints[slot].ep);
	endpoints[slot].name[0] = '\0';
	db_delete(daemon_.db, "endpoint", w[1], false, &err);
	printf("ok\n");
}

static int compare_i64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void print_times(const char *what, int64_t *t, size_t n)
{
	qsort(t, n, sizeof(*t), compare_i64);
	printf(" %s p50 %.1f us p90 %.1f us max %.1f us", what, (double)t[n / 2] / 1e3,
	       (double)t[n * 9 / 10] / 1e3, (double)t[n - 1] / 1e3);
}

/* Between rounds the event loop runs, as it would while a container does its work. */
static void command_bench(char **w)
{
	size_t rounds = (size_t)atoi(w[1]);
	_cleanup_free_ int64_t *acquire = calloc(rounds + 1, sizeof(int64_t));
	_cleanup_free_ int64_t *release = calloc(rounds + 1, sizeof(int64_t));
	struct net_port ports[16];
	struct net_request req = {.container_id = "bench",
				  .container_name = "bench",
				  .network = "bridge",
				  .ports = ports,
				  .n_ports = parse_ports(w + 2, ports, 16)};

	for (size_t i = 0; i < rounds; i++) {
		struct net_endpoint ep;
		struct crl_err err = CRL_ERR_INIT;
		int64_t t0 = time_boot_ns();
		if (net_acquire(&daemon_, &req, &ep, &err) < 0) {
			answer_error(&err);
			return;
		}
		acquire[i] = time_boot_ns() - t0;
		run_loop(10);
		t0 = time_boot_ns();
		net_release(&daemon_, &ep);
		release[i] = time_boot_ns() - t0;
		run_loop(5);
	}
	printf("ok");
	print_times("acquire", acquire, rounds);
	print_times("release", release, rounds);
	printf("\n");
}

static void command_create(char **w)
{
	struct network *net = calloc(1, sizeof(*net));
	struct crl_err err = CRL_ERR_INIT;
	char link[IFNAMSIZ];

	ident_random(net->id);
	networks_link_name(daemon_.networks, daemon_.networks->bridge_prefix, link);
	net->name = strdup(w[1]);
	net->driver = strdup("bridge");
	net->created = strdup("2026-01-01T00:00:00Z");
	net->subnet_text = strdup(w[2]);
	net->gateway_text = strdup(w[3]);
	net->link = strdup(link);
	net->mtu = 1500;
	net->internal = str_eq(w[4], "internal");
	if (network_parse_options(net, &err) < 0 || network_parse_ipam(net, &err) < 0 ||
	    networks_add(daemon_.networks, net, &err) < 0) {
		answer_error(&err);
		network_free(net);
		return;
	}
	printf("ok %s\n", link);
}

static void command_remove(char **w)
{
	struct network *net = networks_lookup(daemon_.networks, w[1]);
	struct crl_err err = CRL_ERR_INIT;

	if (!net || networks_remove(daemon_.networks, net, &err) < 0)
		answer_error(&err);
	else
		printf("ok\n");
}

static void command_wait(char **w)
{
	run_loop(atoi(w[1]));
	printf("ok\n");
}

static void command_crash(char **w)
{
	_exit(0);
}

static const struct {
	const char *name;
	size_t words;
	void (*run)(char **w);
} commands[] = {
	{"acquire", 2, command_acquire}, {"release", 2, command_release},
	{"bench", 2, command_bench},     {"create", 4, command_create},
	{"remove", 2, command_remove},   {"wait", 2, command_wait},
	{"crash", 1, command_crash},
};

static void run_command(char *line)
{
	_cleanup_strv_ char **w = strv_split(line, " \n", false);

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (w && strv_len(w) >= commands[i].words && str_eq(w[0], commands[i].name)) {
			commands[i].run(w);
			return;
		}
	printf("error unknown command\n");
}

static int adopt_one(const char *id, const char *body, void *data)
{
	_cleanup_cjson_ cJSON *tree = cJSON_Parse(body);
	struct crl_err err = CRL_ERR_INIT;
	size_t slot = slot_of("");

	if (net_endpoint_from_json(tree, &endpoints[slot].ep, &err) < 0 ||
	    net_adopt(&daemon_, &endpoints[slot].ep, &err) < 0)
		answer_error(&err);
	else
		snprintf(endpoints[slot].name, sizeof(endpoints[slot].name), "%s", id);
	return 0;
}

/* Not from inside an event source: commands run the loop themselves. False at end of file. */
static bool next_command(void)
{
	static char line[1024];
	struct pollfd p = {.fd = 0, .events = POLLIN};

	if (poll(&p, 1, 0) == 0) {
		sd_event_run(daemon_.event, 5000);
		return true;
	}
	/* Unbuffered by setvbuf(), so that poll tells the truth about what is left. */
	if (!fgets(line, sizeof(line), stdin))
		return false;
	run_command(line);
	fflush(stdout);
	return true;
}

static int start(const char *data_folder, const char *suffix, struct crl_err *err)
{
	_cleanup_free_ char *path = path_printf("%s/state.db", data_folder);
	bool fresh;

	daemon_.config.data_root = strdup(data_folder);
	snprintf(daemon_.suffix, sizeof(daemon_.suffix), "%s", suffix);
	daemon_.config.bridge_icc = daemon_.config.bridge_masquerade = true;
	daemon_.config.bridge_ipv6 = getenv("NET_IPV6") != NULL;
	daemon_.config.bridge_range6 = getenv("NET_IPV6");
	daemon_.config.netns_pool = getenv("NET_POOL") ? atoi(getenv("NET_POOL")) : 0;
	if (sd_event_new(&daemon_.event) < 0 || db_open(path, &daemon_.db, &fresh, err) < 0 ||
	    fd_sealed_copy("/proc/self/exe", &daemon_.monitor_exe_fd, err) < 0)
		return -1;
	daemon_.events = events_new(&daemon_);
	if (networks_init(&daemon_, err) < 0 ||
	    db_each(daemon_.db, "endpoint", adopt_one, NULL, err) < 0)
		return -1;
	networks_sweep(&daemon_);
	return 0;
}

int main(int argc, char **argv)
{
	struct crl_err err = CRL_ERR_INIT;

	if (argc > 1 && str_eq(argv[1], "--make-netns"))
		return netns_helper_main(argc, argv);
	setvbuf(stdin, NULL, _IONBF, 0);
	if (argc != 3 || start(argv[1], argv[2], &err) < 0) {
		fprintf(stderr, "net_tool: %s\n",
			argc != 3 ? "usage: net_tool FOLDER SUFFIX" : err.msg);
		return 1;
	}
	printf("ok ready\n");
	fflush(stdout);
	while (next_command())
		;
	networks_free(daemon_.networks);
	events_free(daemon_.events);
	db_close(daemon_.db);
	sd_event_unref(daemon_.event);
	return 0;
}
