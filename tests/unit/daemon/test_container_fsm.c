/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walks every (state, event) pair of the container's state machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <base/str.h>
#include <daemon/container_fsm.h>

struct probe {
	char order[64];
	bool persist_fails;
	enum fsm_state state;
	enum fsm_state persisted;
};

static int p_persist(void *data, enum fsm_state to, struct crl_err *err)
{
	struct probe *p = data;
	strcat(p->order, "p");
	p->persisted = to;
	return p->persist_fails ? crl_fail(err, CRL_IO, "disk full") : 0;
}
static void p_enter(void *data, enum fsm_state to)
{
	struct probe *p = data;
	strcat(p->order, "s");
	p->state = to;
}
static void p_effect(void *data, enum fsm_effect effect)
{
	strcat(((struct probe *)data)->order, "e");
}
static void p_publish(void *data, const char *action)
{
	strcat(((struct probe *)data)->order, "!");
}
static const struct fsm_ops ops = {p_persist, p_enter, p_effect, p_publish};

static size_t rows_for(enum fsm_state s, enum fsm_event e)
{
	size_t n = 0;
	for (size_t i = 0; i < fsm_n_rows; i++)
		n += fsm_rows[i].from == s && fsm_rows[i].event == e;
	return n;
}

static void check_pair(enum fsm_state s, enum fsm_event e)
{
	struct probe p = {.state = s};
	struct crl_err err = CRL_ERR_INIT;
	const struct fsm_row *row = fsm_find(s, e);
	int r = fsm_fire(s, e, &ops, &p, &err);
	assert_true(rows_for(s, e) <= 1);
	if (!row) {
		assert_int_equal(r, -1);
		assert_int_equal(err.code, CRL_CONFLICT);
		assert_string_equal(p.order, "");
		assert_int_equal(p.state, s);
		return;
	}
	assert_int_equal(r, 0);
	assert_int_equal(p.state, row->to);
	assert_string_equal(p.order, row->flags & FSM_TRANSIENT ? (row->publish ? "se!" : "se")
								: (row->publish ? "pse!" : "pse"));
}

static void test_every_pair(void **state)
{
	for (unsigned s = 0; s < FSM_STATE_COUNT; s++)
		for (unsigned e = 0; e < FSM_EVENT_COUNT; e++)
			check_pair((enum fsm_state)s, (enum fsm_event)e);
}

/* What did not happen yet is refused when it cannot be written; what happened stands. */
static void test_persist_fails(void **state)
{
	for (size_t i = 0; i < fsm_n_rows; i++) {
		const struct fsm_row *row = &fsm_rows[i];
		struct probe p = {.state = row->from, .persist_fails = true};
		struct crl_err err = CRL_ERR_INIT;
		int r = fsm_fire(row->from, row->event, &ops, &p, &err);
		bool stands = row->flags & (FSM_FACT | FSM_TRANSIENT);
		assert_int_equal(r, stands ? 0 : -1);
		assert_int_equal(p.state, stands ? row->to : row->from);
	}
}

static bool reaches(enum fsm_state from, enum fsm_state to)
{
	bool seen[FSM_STATE_COUNT] = {false};
	seen[from] = true;
	for (unsigned round = 0; round < FSM_STATE_COUNT; round++)
		for (size_t i = 0; i < fsm_n_rows; i++)
			if (seen[fsm_rows[i].from])
				seen[fsm_rows[i].to] = true;
	return seen[to];
}

/* Whatever happens, a container can be removed, and nothing follows that. */
static void test_all_can_end(void **state)
{
	for (unsigned s = 0; s < FSM_GONE; s++) {
		assert_true(reaches(FSM_CREATED, (enum fsm_state)s));
		assert_true(reaches((enum fsm_state)s, FSM_GONE));
	}
	for (size_t i = 0; i < fsm_n_rows; i++)
		assert_int_not_equal(fsm_rows[i].from, FSM_GONE);
}

static void test_names(void **state)
{
	for (unsigned s = 0; s < FSM_STATE_COUNT; s++)
		assert_int_equal(fsm_state_parse(fsm_state_name((enum fsm_state)s)), s);
	assert_int_equal(fsm_state_parse("nope"), FSM_STATE_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_pair),
		cmocka_unit_test(test_persist_fails),
		cmocka_unit_test(test_all_can_end),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
