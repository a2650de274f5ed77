/* test_config.c - every setting's default, bounds and complaints; the reference page. */
#include "app/config.h"

#include "base/fileio.h"
#include "base/mem.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Reads `text` as a file /tmp/.../weft.yml; the message comes back without the folder. */
static enum status read_text(const char *text, struct config *c, struct err *e)
{
    char folder[] = "/tmp/weft-config-XXXXXX", path[64];
    cr_assert(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/weft.yml", folder);
    cr_assert_eq(file_replace(path, str_from_c(text), e), ST_OK);
    *e = (struct err){0};
    config_defaults(c);
    enum status st = config_read(path, c, e);
    size_t skip = strlen(folder) + 1;
    if (strncmp(e->msg, folder, strlen(folder)) == 0)
        memmove(e->msg, e->msg + skip, strlen(e->msg + skip) + 1);
    unlink(path);
    rmdir(folder);
    return st;
}

Test(config, defaults_are_those_of_the_contract)
{
    struct config c;
    struct err e;
    config_defaults(&c);
    cr_expect_str_eq(c.http, "127.0.0.1:9600");
    cr_expect_str_eq(c.data, "./weft-data");
    cr_expect_eq(c.ack, ACK_DISK);
    cr_expect_eq(c.journal_max_bytes, 2ull * GIB);
    cr_expect_eq(c.checkpoint_ns, 30 * NS_PER_S);
    cr_expect_eq(c.memory_bytes, 512ull * MIB);
    cr_expect_eq(c.retention.edges_ns, 90ull * 86400 * NS_PER_S);
    cr_expect_eq(c.graph.max_edges, 20000);
    cr_expect_not(c.insecure);
    const char *setting;
    cr_expect_eq(config_check(&c, &setting, &e), ST_OK);
    struct limits l = limits_default();
    cr_expect(l.body_bytes == c.limits.body_bytes && l.unpacked_bytes == c.limits.unpacked_bytes &&
                  l.spans == c.limits.spans && l.attributes == c.limits.attributes &&
                  l.depth == c.limits.depth && l.connections == c.limits.connections &&
                  l.per_peer == c.limits.per_peer && l.streams == c.limits.streams &&
                  l.header_list_bytes == c.limits.header_list_bytes &&
                  l.head_ns == c.limits.head_ns && l.body_time_ns == c.limits.body_time_ns &&
                  l.idle_ns == c.limits.idle_ns,
              "model/limits.c and the rows agree");
    struct graph_settings g = graph_settings_default();
    cr_expect(g.wait_ns == c.graph.wait_ns && g.remember_ns == c.graph.remember_ns &&
                  g.max_edges == c.graph.max_edges && g.max_operations == c.graph.max_operations &&
                  g.health_min_requests == c.graph.health_min_requests,
              "model/limits.c and the rows agree");
}

static const struct {
    const char *name, *text, *want;
} wrong[] = {
    {"unknown key", "data: x\nspeed: 3\n", "weft.yml:2:1: there is no setting speed"},
    {"unknown nested", "limits:\n  boddy: 1MiB\n",
     "weft.yml:2:3: there is no setting limits.boddy"},
    {"later part", "rules: []\n", "weft.yml:1:1: there is no setting rules"},
    {"bad duration", "graph:\n  wait: 10x\n", "weft.yml:2:9: graph.wait: "},
    {"out of bounds", "limits: { depth: 1000 }\n", "weft.yml:1:18: limits.depth: 1000 is outside"},
    {"not a bool", "admin: maybe\n", "weft.yml:1:8: admin: "},
    {"two listeners at one address",
     "listen: { http: 127.0.0.1:4000, otlp_http: 127.0.0.1:4000 }\n",
     "weft.yml:1:44: 127.0.0.1:4000 is the address of listen.http, too"},
    {"bad ack", "ack: never\n", "weft.yml:1:6: ack: never is none of"},
    {"bad address", "listen:\n  http: nowhere\n", "weft.yml:2:9: listen.http: "},
    {"twice", "workers: 1\nworkers: 2\n", "weft.yml:2:1: workers stands here a second time"},
    {"section twice", "graph: {wait: 5s}\nlimits: {}\ngraph: {remember: 60s}\n",
     "weft.yml:3:1: graph stands here a second time"},
    {"empty section twice", "graph:\ngraph:\n", "weft.yml:2:1: graph stands here a second time"},
    {"value for a section", "graph: 3\n", "weft.yml:1:8: graph: a section with keys"},
    {"list for a section", "graph: [3]\n", "weft.yml:1:8: graph: a list is not expected"},
    {"map for a list", "remote_write: { url: x }\n",
     "weft.yml:1:15: remote_write: a list is expected"},
    {"value for a list", "remote_write: x\n", "weft.yml:1:15: remote_write: a list is"},
    {"variable in braces", "limits: { body: ${B:-2MiB} }\n",
     "weft.yml:1:17: limits.body: inside { } or [ ] a value with ${NAME} needs quotes"},
    {"NUL", "data: \"a\\0b\"\n", "weft.yml:1:7: data: a value holds no NUL"},
    {"bounds of memory", "memory: 1MiB\n",
     "weft.yml:1:9: memory: 1MiB is outside what is allowed (64MiB to 1024TiB)"},
    {"section for a value", "data: { a: b }\n", "weft.yml:1:7: data: a value is expected"},
    {"list", "data: [a]\n", "weft.yml:1:7: data: a list is not expected"},
    {"bounds", "series:\n  buckets: [0.1, 0.05]\n",
     "weft.yml:2:12: series.buckets: at most 64 ascending"},
    {"bounds of sections", "series:\n  buckets: [{a: 1}]\n",
     "weft.yml:2:13: series.buckets: a number is expected here"},
    {"alias", "data: &a x\nlisten: { http: *a }\n", "weft.yml:2:17: aliases are not allowed"},
    {"not yaml", "data: 'x\n", "weft.yml:2:1: this is not YAML"},
    {"scalar only", "hello\n", "weft.yml:1:1: keys with values"},
    {"no such variable", "data: ${WEFT_NOT_SET}\n",
     "weft.yml:1:7: data: the environment has no WEFT_NOT_SET"},
    {"no end of a variable", "data: \"/var/${WEFT_NOT_SET\"\n",
     "weft.yml:1:7: data: a ${ without its }"},
    {"nameless variable", "data: \"${}\"\n", "weft.yml:1:7: data: a ${ that names no variable"},
    {"nameless default", "data: \"${:-x}\"\n", "weft.yml:1:7: data: a ${ that names no variable"},
    {"not loopback", "listen: { http: \"0.0.0.0:9600\" }\n",
     "weft.yml:1:17: 0.0.0.0:9600 is reachable from other machines"},
    {"more of a peer than of all", "limits:\n  per_peer: 20\n  connections: 10\n",
     "weft.yml:2:13: limits.per_peer (20) is larger"},
    {"less of all than of a peer", "limits: { connections: 10 }\n",
     "weft.yml: limits.per_peer (1024) is larger"},
    {"bounds of sizes", "limits: { body: 0 }\n",
     "weft.yml:1:17: limits.body: 0 is outside what is allowed (1KiB to 1GiB)"},
    {"bounds of durations", "graph: { wait: 0s }\n",
     "weft.yml:1:16: graph.wait: 0s is outside what is allowed (100ms to 1h)"},
    {"empty path", "data: \"\"\n", "weft.yml:1:7: data: a text of 1 to"},
};

Test(config, complaints_name_file_line_and_column)
{
    for (size_t i = 0; i < LEN(wrong); i++) {
        struct config c, before;
        struct err e;
        config_defaults(&before);
        cr_expect_eq(read_text(wrong[i].text, &c, &e), ST_INVALID, "row %s", wrong[i].name);
        cr_expect(strncmp(e.msg, wrong[i].want, strlen(wrong[i].want)) == 0, "row %s: %s",
                  wrong[i].name, e.msg);
        cr_expect_eq(memcmp(&c, &before, sizeof(c)), 0, "row %s changed the settings",
                     wrong[i].name);
    }
}

/* As when every key of it is commented out. */
Test(config, a_section_may_be_empty)
{
    static const char *const texts[] = {"graph:\nworkers: 3\n", "remote_write:\nworkers: 3\n",
                                        "limits: ~\nworkers: 3\n", "limits: {}\nworkers: 3\n"};
    for (size_t i = 0; i < LEN(texts); i++) {
        struct config c;
        struct err e;
        cr_expect_eq(read_text(texts[i], &c, &e), ST_OK, "%s", texts[i]);
        cr_expect_eq(c.workers, 3);
        config_deinit(&c);
    }
}

Test(config, values_are_taken)
{
    struct config c;
    struct err e;
    setenv("WEFT_TEST_RATIO", "0.25", 1);
    cr_expect_eq(
        read_text(
            "data: kept\nlimits: { body: 1MiB, header_list: 16KiB }\nretention: { edges: 0 }\n"
            "graph: { wait: 1m30s, failing_error_ratio: \"${WEFT_TEST_RATIO}\" }\n"
            "memory: ${WEFT_NOT_SET:-64MiB}\nack: kernel\n",
            &c, &e),
        ST_OK, "%s", e.msg);
    cr_expect_eq(c.limits.body_bytes, MIB);
    cr_expect_eq(c.limits.header_list_bytes, 16 * KIB);
    cr_expect_eq(c.retention.edges_ns, 0);
    cr_expect_eq(c.graph.wait_ns, 90 * NS_PER_S);
    cr_expect_eq(c.graph.failing_error_ratio, 0.25);
    cr_expect_eq(c.memory_bytes, 64ull * MIB);
    cr_expect_eq(c.ack, ACK_KERNEL);
    cr_expect(strncmp(c.data, "/tmp/weft-config-", 17) == 0,
              "relative paths belong to the file's folder: %s", c.data);
}

Test(config, empty_file_is_all_defaults)
{
    struct config c, want;
    struct err e;
    config_defaults(&want);
    cr_expect_eq(read_text("# nothing\n", &c, &e), ST_OK, "%s", e.msg);
    cr_expect_eq(memcmp(&c, &want, sizeof(c)), 0);
}

Test(config, reference_page_is_the_committed_one)
{
    struct buf out = {0};
    struct err e;
    char *page;
    size_t len;
    config_print_reference(&out);
    cr_assert_eq(file_read_all(WEFT_SOURCE_DIR "/docs/config.md", MIB, &page, &len, &e), ST_OK,
                 "%s", e.msg);
    cr_expect(
        str_eq(buf_str(&out), (struct str){page, len}),
        "docs/config.md is old: build/release/weft check-config --reference > docs/config.md");
    mem_free(page);
    buf_deinit(&out);
}
