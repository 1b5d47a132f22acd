/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crun-lite, the command line. Everything starts from the tables in commands.c. */
#include <cli/command.h>

int main(int argc, char **argv)
{
	return command_main(argc, argv);
}
