/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of all words. A command that appears twice has aliases. */
#include <cli/commands.h>

const struct command_group command_groups[] = {
	{"builder", "Commands about the builder"},  {"checkpoint", "Commands about checkpoints"},
	{"container", "Commands about containers"}, {"image", "Commands about images"},
	{"network", "Commands about networks"},     {"system", "Commands about the daemon"},
	{"volume", "Commands about volumes"},
};
const size_t n_command_groups = ARRAY_SIZE(command_groups);

/* clang-format off */
const struct command_row command_rows[] = {
	{"attach", &cmd_attach},	{"build", &cmd_build},
	{"commit", &cmd_commit},
	{"completion", &cmd_completion}, {"cp", &cmd_cp},
	{"create", &cmd_create},	{"diff", &cmd_diff},
	{"events", &cmd_events},	{"exec", &cmd_exec},
	{"export", &cmd_export},
	{"history", &cmd_history},	{"images", &cmd_images},
	{"import", &cmd_import},	{"info", &cmd_info},
	{"inspect", &cmd_inspect},	{"kill", &cmd_kill},
	{"load", &cmd_load},		{"logs", &cmd_logs},
	{"pause", &cmd_pause},		{"port", &cmd_port},
	{"ps", &cmd_ps},		{"pull", &cmd_pull},
	{"push", &cmd_push},		{"rename", &cmd_rename},
	{"restart", &cmd_restart},	{"rm", &cmd_rm},
	{"rmi", &cmd_rmi},		{"run", &cmd_run},
	{"save", &cmd_save},		{"start", &cmd_start},
	{"stats", &cmd_stats},		{"stop", &cmd_stop},
	{"tag", &cmd_tag},		{"top", &cmd_top},
	{"unpause", &cmd_unpause},	{"update", &cmd_update},
	{"version", &cmd_version},	{"wait", &cmd_wait},

	{"builder build", &cmd_build},		{"builder prune", &cmd_builder_prune},

	{"checkpoint create", &cmd_checkpoint_create}, {"checkpoint ls", &cmd_checkpoint_ls},
	{"checkpoint list", &cmd_checkpoint_ls}, {"checkpoint rm", &cmd_checkpoint_rm},
	{"checkpoint remove", &cmd_checkpoint_rm},

	{"container attach", &cmd_attach},	{"container commit", &cmd_commit},
	{"container cp", &cmd_cp},		{"container create", &cmd_create},
	{"container diff", &cmd_diff},		{"container exec", &cmd_exec},
	{"container export", &cmd_export},
	{"container inspect", &cmd_container_inspect}, {"container kill", &cmd_kill},
	{"container logs", &cmd_logs},		{"container ls", &cmd_ps},
	{"container list", &cmd_ps},		{"container ps", &cmd_ps},
	{"container pause", &cmd_pause},	{"container port", &cmd_port},
	{"container prune", &cmd_container_prune}, {"container rename", &cmd_rename},
	{"container restart", &cmd_restart},	{"container rm", &cmd_rm},
	{"container remove", &cmd_rm},		{"container run", &cmd_run},
	{"container start", &cmd_start},	{"container stats", &cmd_stats},
	{"container stop", &cmd_stop},		{"container top", &cmd_top},
	{"container unpause", &cmd_unpause},	{"container update", &cmd_update},
	{"container wait", &cmd_wait},

	{"image build", &cmd_build},		{"image history", &cmd_history},
	{"image import", &cmd_import},		{"image inspect", &cmd_image_inspect},
	{"image load", &cmd_load},		{"image ls", &cmd_images},
	{"image list", &cmd_images},		{"image prune", &cmd_image_prune},
	{"image pull", &cmd_pull},		{"image push", &cmd_push},
	{"image rm", &cmd_rmi},			{"image remove", &cmd_rmi},
	{"image save", &cmd_save},		{"image tag", &cmd_tag},

	{"network connect", &cmd_network_connect}, {"network create", &cmd_network_create},
	{"network disconnect", &cmd_network_disconnect}, {"network inspect", &cmd_network_inspect},
	{"network ls", &cmd_network_ls},	{"network list", &cmd_network_ls},
	{"network prune", &cmd_network_prune},	{"network rm", &cmd_network_rm},
	{"network remove", &cmd_network_rm},

	{"system df", &cmd_system_df},		{"system events", &cmd_events},
	{"system info", &cmd_info},		{"system prune", &cmd_system_prune},

	{"volume create", &cmd_volume_create},	{"volume inspect", &cmd_volume_inspect},
	{"volume ls", &cmd_volume_ls},		{"volume list", &cmd_volume_ls},
	{"volume prune", &cmd_volume_prune},	{"volume rm", &cmd_volume_rm},
	{"volume remove", &cmd_volume_rm},
};
/* clang-format on */
const size_t n_command_rows = ARRAY_SIZE(command_rows);
