/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a daemon of another release may say to the name server, and resolv.conf files. */
#include <base/cleanup.h>
#include <string.h>
#include <sys/socket.h>

#include "dns/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_box(struct names *t, const struct dns_box *b)
{
	static struct names_addrs addrs;
	struct crl_err err;

	struct names_box *box = names_set(t, b, &err);
	for (size_t i = 0; box && i < b->n_eps; i++)
		for (char **name = b->eps[i].names; name && *name; name++)
			(void)names_lookup(t, box, *name, AF_INET, &addrs);
	/* again, as if it had changed, and then it goes */
	if (names_set(t, b, &err) != box)
		abort();
	if (box)
		names_drop(t, box);
	if (t->boxes || t->nets)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct names t;
	_cleanup_free_ char *text = malloc(size + 1);
	union address servers[SERVERS_MAX];
	struct dns_msg m = {0};
	struct crl_err err;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	(void)resolv_read(text, servers);
	if (json_decode(&dns_msg_json, text, size, JSON_LAX, &m, &err) < 0)
		return 0;
	if (m.box)
		fuzz_box(&t, m.box);
	json_free(&dns_msg_json, &m);
	return 0;
}
