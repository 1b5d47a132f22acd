/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Defaults of the option structs, and what an error means as an exit code. */
#include <crun-lite/runtime.h>
#include <errno.h>

void crl_rt_options_init(struct crl_rt_options *o)
{
	*o = (struct crl_rt_options){
		.rootfs_fd = -1,
		.netns_fd = -1,
		.userns_fd = -1,
		.start_fd = -1,
		.stdio = {-1, -1, -1},
	};
}

void crl_rt_exec_options_init(struct crl_rt_exec_options *o)
{
	*o = (struct crl_rt_exec_options){.target_pidfd = -1, .stdio = {-1, -1, -1}};
}
