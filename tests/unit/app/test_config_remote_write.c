/* test_config_remote_write.c - the list of receivers: what becomes of each key, every complaint
 * with its place. */
#include "app/config_remote_write.h"

#include "app/config.h"
#include "base/fileio.h"
#include "tests/support/alloc_walk.h"
#include "tests/support/leak.h"
#include "tests/support/temp_dir.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static enum status read_text(const struct temp_dir *dir, const char *text, struct config *c,
                             struct err *e)
{
    char path[256];
    temp_dir_file(dir, "weft.yml", path);
    cr_assert(file_replace(path, str_from_c(text), e) == ST_OK);
    *e = (struct err){0};
    config_defaults(c);
    return config_read(path, c, e);
}

#define U "remote_write:\n  - url: http://h/w\n"

static const struct {
    const char *name, *text, *want;
} bad[] = {
    {"no list", "remote_write: 3\n", "1:15: remote_write: a list is expected"},
    {"a map", "remote_write: { url: x }\n", "1:15: remote_write: a list"},
    {"twice", "remote_write: []\nremote_write: []\n", "2:1: remote_write stands here a second"},
    {"no map", "remote_write: [x]\n", "1:16: a section with keys is expected"},
    {"no url", "remote_write:\n  - name: x\n", "2:5: a receiver needs a url"},
    {"no http", "remote_write:\n  - url: ftp://h\n", "2:5: ftp://h is no http"},
    {"unknown", U "    urll: x\n", "3:5: there is no setting urll of a receiver"},
    {"key twice", U "    url: x\n", "3:5: url stands here a second time"},
    {"protocol", U "    protocol: 3\n", "3:15: protocol: 1 or 2 is expected"},
    {"timeout", U "    remote_timeout: 1h\n", "3:21: remote_timeout: a duration of 100ms to 10m"},
    {"selector", U "    match: ['{a=\"b\"']\n", "3:13: match: 1:7: parse error"},
    {"all-empty selector", U "    match: ['{a=\"\"}']\n", "3:13: match: a selector must contain"},
    {"bad regex", U "    match: ['{a=~\"(\"}']\n", "3:13: match: "},
    {"hashmod", U "    relabel:\n      - action: hashmod\n        modulus: 8\n",
     "4:9: action hashmod is"},
    {"rule", U "    relabel: [{ x: y }]\n", "3:17: there is no such setting of a rule"},
    {"rule's regex", U "    relabel: [{ action: keep, regex: '(' }]\n", "3:15: error parsing"},
    {"reserved header", U "    headers: { Content-type: x }\n", "3:16: this header is set by weft"},
    {"no header", U "    headers: { 'a b': x }\n", "3:16: this is no header"},
    {"line in a header", U "    headers: { a: \"x\\r\\nb: c\" }\n", "3:16: this is no header"},
    {"external name", U "    external_labels: { __name__: x }\n", "3:24: this is no name"},
    {"no user", U "    basic_auth: { password: x }\n", "3:17: basic_auth: a username is needed"},
    {"two passwords", U "    basic_auth: { username: u, password: x, password_file: y }\n",
     "3:17: basic_auth: password and"},
    {"two ways", U "    basic_auth: { username: u }\n    bearer_token_file: t\n",
     "2:5: basic_auth and"},
    {"the same again", U "  - url: http://h/w\n", "3:5: there is such a receiver already"},
    {"name", U "    name: 'a b'\n", "3:11: name: a name is made of"},
    {"environment", U "    name: ${WEFT_NOT_SET}\n", "3:11: the environment has no"},
    {"alias", "remote_write:\n  - &a { url: http://h/w }\n  - *a\n",
     "3:5: aliases are not allowed"},
    {"too deep", U "    match: [[[[[[[[[[[]]]]]]]]]]]\n", "3:19: this is nested too deep"},
};

Test(config_remote_write, complaints_have_a_place)
{
    struct temp_dir dir = temp_dir_make();
    for (size_t i = 0; i < LEN(bad); i++) {
        struct config c;
        struct err e;
        cr_expect(read_text(&dir, bad[i].text, &c, &e) == ST_INVALID, "%s", bad[i].name);
        const char *at = strstr(e.msg, "weft.yml:");
        cr_expect(at && strncmp(at + 9, bad[i].want, strlen(bad[i].want)) == 0, "%s: %s",
                  bad[i].name, e.msg);
        cr_expect(!c.remote_write);
    }
    temp_dir_remove(&dir);
    EXPECT_NO_LEAK();
}

static const char whole[] = "remote_write:\n"
                            "  - url: ${WEFT_TEST_URL:-http://h}/w\n"
                            "    name: first\n"
                            "    protocol: 2\n"
                            "    remote_timeout: 5s\n"
                            "    match: ['up', '{job=~\"a|b\",x!=\"1\"}']\n"
                            "    external_labels: { zone: z, cluster: c }\n"
                            "    relabel:\n"
                            "      - { source_labels: [a, b], separator: '-', target_label: c, "
                            "regex: 'x(.*)', replacement: '$1_${1}' }\n"
                            "      - { action: labeldrop, regex: d }\n"
                            "    headers: { X-Scope-OrgID: mesh }\n"
                            "    basic_auth: { username: u, password_file: secrets/p }\n"
                            "    ca_file: /etc/ca.pem\n"
                            "  - url: http://h/w\n";

Test(config_remote_write, every_key)
{
    struct temp_dir dir = temp_dir_make();
    struct config c;
    struct err e;
    char path[256];
    cr_assert(read_text(&dir, whole, &c, &e) == ST_OK, "%s", e.msg);
    cr_assert_eq(c.remote_write->count, 2u);
    const struct remote_target *t = &c.remote_write->targets[0];
    cr_expect_str_eq(t->url, "http://h/w");
    cr_expect_str_eq(t->name, "first");
    cr_expect_eq(t->protocol, 2u);
    cr_expect(t->sends_histograms);
    cr_expect_eq(t->timeout_ms, 5000u);
    cr_assert_eq(t->match_count, 2u);
    cr_expect_eq(t->match[0].count, 1u);
    cr_expect_eq(t->match[1].count, 2u);
    cr_assert_eq(t->external_labels.count, 2u);
    cr_expect(str_eq(t->external_labels.items[0].name, STR("cluster")));
    cr_assert_eq(t->relabel_count, 2u);
    cr_expect_eq(t->relabel[0].source_count, 2u);
    cr_expect(str_eq(t->relabel[0].replacement, STR("$1_${1}")));
    cr_expect_eq(t->relabel[1].action, RELABEL_LABEL_DROP);
    cr_assert_eq(t->header_count, 1u);
    cr_expect_str_eq(t->headers[0].name, "X-Scope-OrgID");
    cr_expect_str_eq(t->user, "u");
    cr_expect_str_eq(t->password_file, temp_dir_file(&dir, "secrets/p", path));
    cr_expect_str_eq(t->ca_file, "/etc/ca.pem");
    t = &c.remote_write->targets[1];
    cr_expect(t->protocol == 1 && !t->sends_histograms && t->timeout_ms == 30000);
    cr_expect(!t->match_count && !t->relabel_count && !t->header_count);
    config_deinit(&c);
    temp_dir_remove(&dir);
    EXPECT_NO_LEAK();
}

Test(config_remote_write, a_changed_list_waits_for_a_restart)
{
    struct temp_dir dir = temp_dir_make();
    struct config c, same, other;
    struct err e;
    struct buf waiting = {0};
    cr_assert(read_text(&dir, whole, &c, &e) == ST_OK);
    cr_assert(read_text(&dir, whole, &same, &e) == ST_OK);
    cr_assert(read_text(&dir, U, &other, &e) == ST_OK);
    config_take_live(&c, &same, &waiting);
    cr_expect_eq(waiting.len, 0u);
    config_take_live(&c, &other, &waiting);
    cr_expect(str_eq(buf_str(&waiting), STR("remote_write")));
    cr_expect_eq(c.remote_write->count, 2u);
    config_deinit(&c);
    config_deinit(&same);
    config_deinit(&other);
    buf_deinit(&waiting);
    temp_dir_remove(&dir);
    EXPECT_NO_LEAK();
}

Test(config_remote_write, short_memory_is_an_error)
{
    struct temp_dir dir = temp_dir_make();
    struct config c;
    struct err e;
    char path[256];
    temp_dir_file(&dir, "weft.yml", path);
    cr_assert(file_replace(path, str_from_c(whole), &e) == ST_OK);
    for (struct alloc_walk walk = {0}; alloc_walk_next(&walk);) {
        config_defaults(&c);
        enum status status = config_read(path, &c, &e);
        cr_expect(status == ST_OK || status == ST_NO_MEMORY, "%d %s", status, e.msg);
        config_deinit(&c);
    }
    temp_dir_remove(&dir);
    EXPECT_NO_LEAK();
}
