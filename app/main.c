/* main.c - which sub-command is meant, and the help. */
#include "app/command.h"

#include "base/compiler.h"

#include <stdio.h>
#include <string.h>

static int command_version(int argc, char **argv)
{
    if (argc > 1) {
        fprintf(stderr, "weft version: %s is no option of `weft version`, it has none\n", argv[1]);
        return EXIT_USAGE;
    }
    printf("weft %s\n", WEFT_VERSION);
    return EXIT_WELL;
}

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary, *arguments, *options;
} commands[] = {
    {"run", command_run, "take telemetry in, answer on port 9600",
     "[--config FILE] [--data DIR] [--http ADDR:PORT] [--otlp-grpc ADDR:PORT]\n"
     "                [--otlp-http ADDR:PORT] [--insecure]",
     "  --config FILE          settings; `weft check-config --reference` lists them\n"
     "  --data DIR             where everything is kept (./weft-data)\n"
     "  --http ADDR:PORT       UI, API, remote write (127.0.0.1:9600); port 0 is any free one\n"
     "  --otlp-grpc ADDR:PORT  OTLP over gRPC (127.0.0.1:4317)\n"
     "  --otlp-http ADDR:PORT  OTLP over HTTP (127.0.0.1:4318)\n"
     "  --insecure             allow listeners that others than this machine reach\n"
     "\nFlags override the file, which SIGHUP and POST /-/reload read again.\n"},
    {"demo", command_demo, "a simulated mesh that pushes spans",
     "[--to ADDR:PORT] [--rate REQUESTS_PER_S] [--seed N] [--duration 60s]\n"
     "                 [--truth FILE]",
     "  --to ADDR:PORT         an OTLP/gRPC listener (127.0.0.1:4317)\n"
     "  --rate REQUESTS_PER_S  how many requests enter the mesh (40)\n"
     "  --seed N               the same number makes the same traffic (another each time)\n"
     "  --duration 60s         how long; without it until Ctrl-C or SIGTERM\n"
     "  --truth FILE           writes what happened at the end, to compare with\n"},
    {"check-config", command_check_config, "say what is wrong with a configuration",
     "FILE | --reference",
     "  FILE         a configuration: exit code 2, and where, when it is wrong\n"
     "  --reference  prints all settings with their bounds and defaults\n"},
    {"health", command_health, "exit with 0 when a running weft is ready", "[--http ADDR:PORT]",
     "  --http ADDR:PORT  its API (127.0.0.1:9600)\n"},
    {"version", command_version, "print the version", "", ""},
};

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < LEN(commands); i++) {
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    }
    return NULL;
}

static void print_help(FILE *out)
{
    fprintf(
        out,
        "weft %s: service graph and latency percentiles out of what mesh proxies push\n\nusage:\n",
        WEFT_VERSION);
    for (size_t i = 0; i < LEN(commands); i++)
        fprintf(out, "  weft %-13s %s\n", commands[i].name, commands[i].summary);
    fprintf(out, "\n`weft COMMAND --help` tells what a command takes. Point OTLP exporters at 4317 "
                 "(gRPC) or\n"
                 "4318 (HTTP) and open http://127.0.0.1:9600\n");
}

static void print_command_help(const struct command *c)
{
    printf("usage: weft %s %s\n%s\n", c->name, c->arguments, c->summary);
    if (*c->options)
        printf("\n%s", c->options);
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    bool is_help = asks_for_help(name) || strcmp(name, "help") == 0;
    if (is_help)
        name = argc > 2 ? argv[2] : "";
    else if (strcmp(name, "--version") == 0)
        name = "version";
    for (int i = 2; i < argc; i++)
        is_help |= asks_for_help(argv[i]);
    const struct command *c = find_command(name);
    if (c && is_help) {
        print_command_help(c);
        return EXIT_WELL;
    }
    if (c)
        return c->run(argc - 1, argv + 1);
    bool is_asked = is_help && !*name;
    if (*name)
        fprintf(stderr, "weft: there is no command %s\n", name);
    print_help(is_asked ? stdout : stderr);
    return is_asked ? EXIT_WELL : EXIT_USAGE;
}
