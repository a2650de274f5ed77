/* main.c - which sub-command is meant, and the help. */
#include "app/command.h"

#include "base/compiler.h"

#include <stdio.h>
#include <string.h>

static int command_version(int argc, char **argv)
{
    (void)argc, (void)argv;
    printf("weft %s\n", WEFT_VERSION);
    return EXIT_WELL;
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"run", command_run,
     "[--config FILE] [--data DIR] [--http ADDR:PORT] [--otlp-grpc ADDR:PORT]\n"
     "                [--otlp-http ADDR:PORT] [--insecure]   take spans in, answer on port 9600"},
    {"demo", command_demo,
     "[--to ADDR:PORT] [--rate REQUESTS_PER_S] [--seed N] [--duration 60s] [--truth FILE]\n"
     "                a simulated mesh that pushes spans"},
    {"check-config", command_check_config,
     "FILE | --reference   say what is wrong with a configuration"},
    {"health", command_health, "[--http ADDR:PORT]   exit 0 when a running weft is ready"},
    {"version", command_version, "  print the version"},
};

static void print_help(FILE *out)
{
    fprintf(
        out,
        "weft %s: service graph and latency percentiles out of what mesh proxies push\n\nusage:\n",
        WEFT_VERSION);
    for (size_t i = 0; i < LEN(commands); i++)
        fprintf(out, "  weft %s %s\n", commands[i].name, commands[i].help);
    fprintf(
        out,
        "\nPoint OTLP exporters at 4317 (gRPC) or 4318 (HTTP) and open http://127.0.0.1:9600\n");
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (asks_for_help(name) || (argc > 2 && asks_for_help(argv[2]))) {
        print_help(stdout);
        return EXIT_WELL;
    }
    if (strcmp(name, "--version") == 0)
        name = "version";
    for (size_t i = 0; i < LEN(commands); i++)
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    if (*name)
        fprintf(stderr, "weft: there is no command %s\n", name);
    print_help(stderr);
    return EXIT_USAGE;
}
