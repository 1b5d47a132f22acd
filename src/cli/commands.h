/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All commands; each is defined in the file of its family and listed in commands.c. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include <cli/command.h>

extern const struct command cmd_attach, cmd_build, cmd_builder_prune, cmd_checkpoint_create,
	cmd_checkpoint_ls, cmd_checkpoint_rm, cmd_commit, cmd_completion, cmd_container_prune,
	cmd_cp, cmd_create, cmd_diff, cmd_events, cmd_exec, cmd_export, cmd_history,
	cmd_image_inspect, cmd_image_prune, cmd_images, cmd_import, cmd_info, cmd_inspect,
	cmd_container_inspect, cmd_kill, cmd_load, cmd_logs, cmd_network_connect,
	cmd_network_create, cmd_network_disconnect, cmd_network_inspect, cmd_network_ls,
	cmd_network_prune, cmd_network_rm, cmd_pause, cmd_port, cmd_ps, cmd_pull, cmd_push,
	cmd_rename, cmd_restart, cmd_rm, cmd_rmi, cmd_run, cmd_save, cmd_start, cmd_stats, cmd_stop,
	cmd_system_df, cmd_system_prune, cmd_tag, cmd_top, cmd_unpause, cmd_update, cmd_version,
	cmd_volume_create, cmd_volume_inspect, cmd_volume_ls, cmd_volume_prune, cmd_volume_rm,
	cmd_wait;

#endif
