/* command.h - the sub-commands of weft (api.md section 6). Each returns the process' exit code. */
#ifndef WEFT_APP_COMMAND_H
#define WEFT_APP_COMMAND_H

enum { EXIT_WELL = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* argv[0] is the name of the sub-command. */
int command_run(int argc, char **argv);
int command_check_config(int argc, char **argv);
int command_demo(int argc, char **argv);
int command_health(int argc, char **argv);

/* The value of option --NAME VALUE or --NAME=VALUE at argv[*at] (moved behind it), or NULL when it
 * is another argument. A missing value sets *missing. */
const char *option_value(int argc, char **argv, int *at, const char *name, const char **missing);

#endif
