/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What containers ask and what servers answer: any bytes are refused, or answered by
 * a message that ldns reads and finds to be the answer to that question.
 */
#include <base/cleanup.h>
#include <config.h>
#include <string.h>
#include <sys/socket.h>

#include "dns/dns.h"

#if HAVE_LDNS
#include <ldns/ldns.h>
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A server with a container called "web", which has addresses of both kinds. */
static struct box *fuzz_box(void)
{
	static struct dns dns;
	static struct box *box;
	struct dns_ep ep = {.network_id = (char *)"i",
			    .network = (char *)"shop",
			    .ip = (char *)"10.0.0.1",
			    .prefix = 8,
			    .ip6 = (char *)"fd00::1",
			    .prefix6 = 64,
			    .names = (char *[]){(char *)"web", (char *)"a", NULL}};
	struct dns_box b = {.id = (char *)"box", .eps = &ep, .n_eps = 1};

	if (box)
		return box;
	if (loop_init(&dns.loop, &(struct crl_err){0}) < 0)
		abort();
	(void)server_set(&dns, &b, NULL);
	box = server_find(&dns, "box");
	return box;
}

static void check_reply(const uint8_t *p, size_t n, const uint8_t *question, size_t end)
{
	if (n < MESSAGE_HEADER || !(p[2] & 0x80))
		abort();
	if (end &&
	    !message_answers(p, n, question, end, (uint16_t)(question[0] << 8 | question[1])))
		abort();
#if HAVE_LDNS
	ldns_pkt *packet = NULL;
	if (ldns_wire2pkt(&packet, p, n) != LDNS_STATUS_OK)
		abort();
	ldns_pkt_free(packet);
#endif
}

static void fuzz_question(const uint8_t *data, size_t size)
{
	static uint8_t out[MESSAGE_MAX];
	struct question q;

	for (int tcp = 0; tcp < 2; tcp++) {
		ssize_t n = server_answer(fuzz_box(), data, size, out, sizeof(out), tcp, &q);
		if (n > 0)
			check_reply(out, (size_t)n, data, q.end);
		if (!tcp && n > q.udp_size)
			abort();
		if (n < 0 && (q.end < MESSAGE_HEADER + 5 || q.end > size))
			abort();
	}
}

/* The second half of the input as an answer to the first. */
static void fuzz_answer(const uint8_t *data, size_t size)
{
	size_t half = size / 2;
	struct question q;

	if (message_parse(data, half, &q) != QUESTION_OK)
		return;
	(void)message_answers(data + half, size - half, data, q.end, q.id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_question(data, size);
	fuzz_answer(data, size);
	return 0;
}
