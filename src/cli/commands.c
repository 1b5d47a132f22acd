/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of all words. A command that appears twice has aliases. */
#include <cli/commands.h>

const struct command_group command_groups[] = {};
const size_t n_command_groups = ARRAY_SIZE(command_groups);

const struct command_row command_rows[] = {
	{"attach", &cmd_attach},   {"create", &cmd_create},   {"info", &cmd_info},
	{"kill", &cmd_kill},       {"pause", &cmd_pause},     {"ps", &cmd_ps},
	{"rename", &cmd_rename},   {"restart", &cmd_restart}, {"rm", &cmd_rm},
	{"run", &cmd_run},         {"start", &cmd_start},     {"stop", &cmd_stop},
	{"unpause", &cmd_unpause}, {"version", &cmd_version}, {"wait", &cmd_wait},
};
const size_t n_command_rows = ARRAY_SIZE(command_rows);
