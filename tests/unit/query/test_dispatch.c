/* test_dispatch.c - what is answered before any question is computed: paths, methods, admin,
 * readiness, parameters. */
#include "query/dispatch.h"
#include "support/leak.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static bool not_ready(void *user, const char **reason)
{
    (void)user;
    *reason = "replaying the journal";
    return false;
}

static enum status fail_at_line_3(void *user, struct err *e)
{
    (void)user;
    return err_set(e, ST_INVALID, "weft.yml:3:7: unknown key");
}

static enum status count_call(void *user, struct err *e)
{
    (void)e;
    ++*(int *)user;
    return ST_OK;
}

/* As query.c does it: first the loop, then, when that did not settle it, the pool. */
static struct http_response ask(struct dispatcher *d, const char *method, const char *path,
                                const char *query)
{
    struct question q = {
        .method = str_from_c(method), .path = str_from_c(path), .query = str_from_c(query)};
    struct http_response out = {0};
    struct arena arena = {0};
    if (!dispatch_quick(d, &q, &out))
        dispatch_full(d, &q, &arena, &out);
    arena_deinit(&arena);
    return out;
}

static const struct {
    const char *method, *path, *query;
    unsigned status;
    const char *words;
} rows[] = {
    {"GET", "/-/healthy", "", 200, "healthy"},
    {"GET", "/-/healthy", "anything=goes", 200, "healthy"},
    {"HEAD", "/-/healthy", "", 200, "healthy"},
    {"GET", "/-/ready", "", 503, "replaying the journal"},
    {"GET", "/api/mesh/graph", "", 503, "weft cannot answer yet: replaying the journal"},
    {"GET", "/api/mesh/status", "", 503, "weft cannot answer yet"},
    {"GET", "/nothing", "", 404, "\"error_type\":\"not_found\""},
    {"GET", "/api/mesh/traces", "", 404, "not_found"},
    {"POST", "/api/mesh/graph", "", 405, "allowed are GET, HEAD, OPTIONS"},
    {"BREW", "/", "", 405, "allowed are GET, HEAD, OPTIONS"},
    {"GET", "/-/reload", "", 405, "allowed are POST, OPTIONS"},
    {"OPTIONS", "/api/mesh/graph", "", 204, ""},
    {"OPTIONS", "/nothing", "", 404, "not_found"},
    {"OPTIONS", "*", "", 204, ""},
    {"GET", "*", "", 404, "not_found"},
    {"POST", "/-/flush", "", 404, "`admin: true`"},
    {"POST", "/-/reload", "x=1", 400, "unknown parameter 'x': this call takes none"},
    {"POST", "/-/reload", "", 400, "weft.yml:3:7: unknown key"},
    {"GET", "/../x", "", 400, "'..' segment"},
    {"GET", "/a%00b", "", 400, "NUL byte"},
    {"", "", "", 404, "not_found"},
};

Test(dispatch, says_no_in_its_own_words)
{
    struct dispatcher d = {.config.hooks = {.ready = not_ready, .reload = fail_at_line_3}};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct http_response out = ask(&d, rows[i].method, rows[i].path, rows[i].query);
        cr_expect(eq(uint, out.status, rows[i].status), "%s %s", rows[i].method, rows[i].path);
        cr_expect(str_search(buf_str(&out.body), str_from_c(rows[i].words)) <
                      out.body.len + !rows[i].words[0],
                  "%s %s: %.*s", rows[i].method, rows[i].path, STR_ARG(out.body));
        buf_deinit(&out.body);
    }
    EXPECT_NO_LEAK();
}

Test(dispatch, admin_calls_its_hooks)
{
    int calls = 0;
    struct account *account = account_new();
    struct dispatcher d = {
        .config = {.admin = true,
                   .account = account,
                   .hooks = {.flush = count_call, .compact = count_call, .user = &calls}}};
    struct http_response flush = ask(&d, "POST", "/-/flush", ""),
                         compact = ask(&d, "POST", "/-/compact", "");
    struct http_response reload = ask(&d, "POST", "/-/reload", "");
    cr_expect(eq(uint, flush.status, 200));
    cr_expect(eq(uint, compact.status, 200));
    cr_expect(eq(uint, reload.status, 404), "no hook, no path");
    cr_expect(eq(int, calls, 2));
    buf_deinit(&flush.body);
    buf_deinit(&compact.body);
    buf_deinit(&reload.body);
    account_free(account);
    EXPECT_NO_LEAK();
}

static const char *header_of(const struct http_response *r, const char *name)
{
    for (size_t i = 0; i < LEN(r->headers) && r->headers[i].name; i++)
        if (strcmp(r->headers[i].name, name) == 0)
            return r->headers[i].value;
    return "";
}

static struct http_response get_index(const char *if_none_match, const char *accept_encoding)
{
    struct dispatcher d = {0};
    struct question q = {.method = STR("GET"),
                         .path = STR("/"),
                         .if_none_match = str_from_c(if_none_match),
                         .accept_encoding = str_from_c(accept_encoding)};
    struct http_response out = {0};
    cr_assert(dispatch_quick(&d, &q, &out));
    return out;
}

Test(dispatch, ui_files_are_revalidated_and_packed)
{
    struct http_response plain = get_index("", ""), packed = get_index("", "br, gzip;q=0.5");
    const char *etag = header_of(&plain, "ETag");
    struct http_response same = get_index(etag, ""), other = get_index("\"x\"", "gzip;q=0");
    cr_expect(eq(uint, plain.status, 200));
    cr_expect(str_starts_with(buf_str(&plain.body), STR("<!")), "an HTML page");
    cr_expect(eq(str, (char *)header_of(&packed, "Content-Encoding"), (char *)"gzip"));
    cr_expect(packed.body.len < plain.body.len);
    cr_expect(eq(uint, same.status, 304));
    cr_expect(eq(str, (char *)header_of(&same, "Vary"), (char *)"Accept-Encoding"));
    cr_expect(strncmp(etag, "W/\"", 3) == 0, "one tag for every coding is weak (RFC 9110 8.8.1)");
    struct http_response strong = get_index(etag + 2, ""),
                         among = get_index("\"x\", W/\"y\", *", "");
    cr_expect(eq(uint, strong.status, 304));
    cr_expect(eq(uint, among.status, 304));
    cr_expect(eq(sz, same.body.len, 0));
    cr_expect(eq(uint, other.status, 200));
    cr_expect(eq(str, (char *)header_of(&other, "Content-Encoding"), (char *)""));
    cr_expect(strstr(header_of(&plain, "Content-Security-Policy"), "script-src 'self';") != NULL);
    struct http_response *all[] = {&plain, &packed, &same, &other, &strong, &among};
    for (size_t i = 0; i < LEN(all); i++)
        buf_deinit(&all[i]->body);
    EXPECT_NO_LEAK();
}
