/* command_check_config.c - weft check-config FILE: what is wrong, and where; or the reference of
 * all settings. */
#include "app/command.h"

#include "app/config.h"

#include <stdio.h>
#include <string.h>

int command_check_config(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "weft check-config: name one file, or --reference\n");
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--reference") == 0) {
        struct buf out = {0};
        config_print_reference(&out);
        fwrite(out.ptr, 1, out.len, stdout);
        buf_deinit(&out);
        return EXIT_WELL;
    }
    struct config config;
    struct err e = {0};
    config_defaults(&config);
    if (config_read(argv[1], &config, &e) != ST_OK) {
        fprintf(stderr, "%s\n", e.msg);
        return EXIT_USAGE;
    }
    config_deinit(&config);
    printf("%s: fine\n", argv[1]);
    return EXIT_WELL;
}
