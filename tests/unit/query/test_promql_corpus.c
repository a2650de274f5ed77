/* test_promql_corpus.c - every expression of Prometheus' test scripts and of public dashboards
 * parses, and its text reads back as itself. WEFT_PROMQLTEST names the folder of scripts; the
 * dashboards' expressions lie beside it. */
#include "base/json_read.h"
#include "base/mem.h"
#include "query/promql_parse.h"
#include "tests/support/corpus.h"
#include "tests/support/leak.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char *scripts(void)
{
    static const char beside[] = WEFT_SOURCE_DIR "/../shared/promqltest";
    const char *named = getenv("WEFT_PROMQLTEST");
    struct stat st;
    if (named && *named)
        return named;
    return stat(beside, &st) == 0 ? beside : NULL;
}

static void expect_round_trip(struct str text)
{
    struct arena arena = {0};
    struct promql_node *root;
    struct err e = {0};
    struct buf line = {0}, block = {0}, again = {0};
    enum status status = promql_parse(text, &arena, &root, &e);
    cr_expect_eq(status, ST_OK, "%.*s: %s", STR_ARG(text), e.msg);
    if (status == ST_OK) {
        promql_print(root, &line);
        promql_print_pretty(root, &block);
        promql_free(root);
        cr_expect_eq(promql_parse(buf_str(&block), &arena, &root, &e), ST_OK, "%.*s: %s",
                     STR_ARG(text), e.msg);
        if (root)
            promql_print(root, &again);
        cr_expect(str_eq(buf_str(&line), buf_str(&again)), "%.*s", STR_ARG(text));
        promql_free(root);
    }
    buf_deinit(&line);
    buf_deinit(&block);
    buf_deinit(&again);
    arena_deinit(&arena);
}

/* "eval instant at T EXPR" and "eval range from A to B step S EXPR". */
static bool expression_of(struct str line, struct str *out)
{
    struct str word, rest = str_trim(line);
    unsigned words = 0, want = 4;
    if (!str_starts_with(rest, STR("eval")))
        return false;
    for (; words < want && str_cut(rest, ' ', &word, &rest); words++)
        if (str_eq(word, STR("range")))
            want = 8;
    *out = rest;
    return words == want;
}

static unsigned check_script(const char *folder, const char *file)
{
    struct str text = corpus_read_file(folder, ".", file), line, rest = text;
    unsigned count = 0;
    while (rest.len > 0) {
        struct str expression;
        str_cut(rest, '\n', &line, &rest);
        if (!expression_of(line, &expression))
            continue;
        expect_round_trip(expression);
        count++;
    }
    mem_free((char *)text.ptr);
    return count;
}

Test(promql_corpus, scripts_parse)
{
    const char *folder = scripts();
    if (!folder)
        cr_skip_test("skipped: no scripts; set WEFT_PROMQLTEST to a folder of them");
    DIR *dir = opendir(folder);
    unsigned count = 0;
    cr_assert_not_null(dir);
    for (struct dirent *at; (at = readdir(dir));)
        if (str_ends_with(str_from_c(at->d_name), STR(".test")))
            count += check_script(folder, at->d_name);
    closedir(dir);
    cr_expect(count >= 1000, "%u expressions", count);
    EXPECT_NO_LEAK();
}

Test(promql_corpus, dashboards_parse)
{
    const char *folder = scripts();
    if (!folder)
        cr_skip_test("skipped: no scripts; set WEFT_PROMQLTEST to a folder of them");
    struct str text = corpus_read_file(folder, "../dashboards", "expressions.json");
    struct arena arena = {0};
    struct json_reader r;
    bool is_expression = false;
    unsigned count = 0;
    json_reader_init(&r, text, &arena, 4);
    for (enum json_token t; (t = json_next(&r)) != JSON_END && t != JSON_ERROR;) {
        /* One of them is refused by Prometheus, too: a function does not group. */
        if (t == JSON_STRING && is_expression && !str_starts_with(r.text, STR("ceil by "))) {
            expect_round_trip(r.text);
            count++;
        }
        is_expression = t == JSON_KEY && str_eq(r.text, STR("expr"));
    }
    cr_expect(count > 800, "%u expressions", count);
    arena_deinit(&arena);
    mem_free((char *)text.ptr);
    EXPECT_NO_LEAK();
}
