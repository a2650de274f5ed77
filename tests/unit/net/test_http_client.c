/* test_http_client.c - what is sent, what is made of answers, secrets out of files. */
#include "net/http_client.h"

#include "base/fileio.h"
#include "tests/support/http_script.h"
#include "tests/support/leak.h"
#include "tests/support/temp_dir.h"

#include <criterion/criterion.h>

#define END "Content-Length: 5\r\nConnection: close\r\n\r\nhello"

static const struct {
    const char *name, *answers[2];
    enum status want;
    unsigned status;
    uint32_t retry_after_ms;
    bool has_written;
    uint64_t written;
    const char *reason; /* how it begins; NULL: any */
} rows[] = {
    {"good", {"HTTP/1.1 200 OK\r\n" END}, ST_OK, 200, 0, false, 0, "hello"},
    {"seconds", {"HTTP/1.1 429 No\r\nRetry-After: 7\r\n" END}, ST_OK, 429, 7000, false, 0, "hello"},
    {"no date", {"HTTP/1.1 429 No\r\nRetry-After: soon\r\n" END}, ST_OK, 429, 0, false, 0, NULL},
    {"for ever",
     {"HTTP/1.1 429 No\r\nRetry-After: 99999999\r\n" END},
     ST_OK,
     429,
     21600000,
     false,
     0,
     NULL},
    {"written",
     {"HTTP/1.1 200 OK\r\nx-prometheus-remote-write-samples-written: 12\r\n" END},
     ST_OK,
     200,
     0,
     true,
     12,
     NULL},
    {"written, histograms too",
     {"HTTP/1.1 400 Bad\r\nX-Prometheus-Remote-Write-Samples-Written: 12\r\n"
      "X-Prometheus-Remote-Write-Histograms-Written: 3\r\n" END},
     ST_OK,
     400,
     0,
     true,
     15,
     NULL},
    {"redirect",
     {"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:1/\r\n" END},
     ST_OK,
     307,
     0,
     false,
     0,
     "hello"},
    {"garbage", {"nonsense"}, ST_IO, 0, 0, false, 0, NULL},
    {"nothing", {""}, ST_IO, 0, 0, false, 0, NULL},
    {"cut off", {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhel"}, ST_IO, 0, 0, false, 0, NULL},
    {"silent", {"hang"}, ST_TIMEOUT, 0, 0, false, 0, NULL},
};

Test(http_client, answers, .timeout = 60)
{
    for (size_t i = 0; i < LEN(rows); i++) {
        struct http_script *script = http_script_start(rows[i].answers);
        struct http_client_config config = {
            .url = http_script_url(script),
            .timeout_ms = rows[i].want == ST_TIMEOUT ? 500 : 30000,
        };
        struct http_client *c;
        struct http_client_answer answer;
        struct err e = {0};
        cr_assert(http_client_new(&config, &c, &e) == ST_OK);
        enum status status = http_client_post(c, STR("body"), NULL, 0, &answer, &e);
        cr_expect_eq(status, rows[i].want, "%s: %d %s", rows[i].name, status, e.msg);
        cr_expect_eq(answer.status, rows[i].status, "%s", rows[i].name);
        cr_expect_eq(answer.retry_after_ms, rows[i].retry_after_ms, "%s", rows[i].name);
        cr_expect_eq(answer.has_written, rows[i].has_written, "%s", rows[i].name);
        cr_expect_eq(answer.samples_written, rows[i].written, "%s", rows[i].name);
        cr_expect(!rows[i].reason || strcmp(answer.reason, rows[i].reason) == 0, "%s",
                  rows[i].name);
        cr_expect(status == ST_OK || answer.reason[0], "%s", rows[i].name);
        http_client_free(c);
        http_script_stop(script);
    }
    EXPECT_NO_LEAK();
}

static bool has(struct str text, const char *part)
{
    return str_search(text, str_from_c(part)) < text.len;
}

Test(http_client, secrets_are_read_for_each_request, .timeout = 60)
{
    static const char *const answers[] = {"HTTP/1.1 200 OK\r\n" END, NULL};
    struct http_script *script = http_script_start(answers);
    struct temp_dir dir = temp_dir_make();
    struct http_client_answer answer;
    struct http_client *token, *password;
    char path[256];
    temp_dir_file(&dir, "secret", path);
    struct http_client_config config = {.url = http_script_url(script), .bearer_token_file = path};
    cr_assert(http_client_new(&config, &token, NULL) == ST_OK);
    config = (struct http_client_config){
        .url = http_script_url(script), .user = "me", .password_file = path};
    cr_assert(http_client_new(&config, &password, NULL) == ST_OK);
    cr_expect(http_client_post(token, STR("x"), NULL, 0, &answer, NULL) != ST_OK);
    cr_expect_eq(http_script_count(script), 0u);
    cr_assert(file_replace(path, STR("one\n"), NULL) == ST_OK);
    cr_expect(http_client_post(token, STR("x"), NULL, 0, &answer, NULL) == ST_OK);
    cr_assert(file_replace(path, STR("secret\n"), NULL) == ST_OK);
    cr_expect(http_client_post(token, STR("x"), NULL, 0, &answer, NULL) == ST_OK);
    cr_expect(http_client_post(password, STR("x"), NULL, 0, &answer, NULL) == ST_OK);
    cr_expect(has(http_script_head(script, 0), "Authorization: Bearer one\r\n"));
    cr_expect(has(http_script_head(script, 1), "Authorization: Bearer secret\r\n"));
    cr_expect(has(http_script_head(script, 2), "Authorization: Basic bWU6c2VjcmV0\r\n"));
    cr_expect(str_eq(http_script_body(script, 2), STR("x")));
    http_client_free(token);
    http_client_free(password);
    temp_dir_remove(&dir);
    http_script_stop(script);
    EXPECT_NO_LEAK();
}

Test(http_client, addresses_and_files_are_checked)
{
    static const char *const bad[] = {"", "ftp://h/", "h/w", "file:///etc/passwd", "http://"};
    struct http_client_config config = {.url = "https://h/", .ca_file = "/nowhere/ca.pem"};
    struct http_client *c;
    struct err e;
    for (size_t i = 0; i < LEN(bad); i++)
        cr_expect(http_client_check_url(bad[i], &e) == ST_INVALID, "%s", bad[i]);
    cr_expect(http_client_check_url("https://u:p@h:1/w?x=y", &e) == ST_OK);
    cr_expect(http_client_new(&config, &c, &e) == ST_NOT_FOUND);
    EXPECT_NO_LEAK();
}

/* Complaints go to terminals and logs. */
Test(http_client, complaints_keep_passwords_and_keys)
{
    static const struct {
        const char *url, *shown;
    } rows[] = {
        {"https://me:secret@h:port/w", "https://h:port/w"},
        {"http://me:secret@/w?key=secret", "http:///w"},
        {"htp://me:sec@ret@h/w", "htp://h/w"},
        {"me:secret@h/w", "h/w"},
        {"https//me:secret@h/w", "https//h/w"},
        {"http:/me:sec/ret@h/w", "http:/h/w"},
        {"http://me:sec/ret@h:x/w", "http://h:x/w"},
        {"http:// h/w#secret", "http:// h/w"},
        {"ftp://h/w", "ftp://h/w"},
    };
    struct err e;
    for (size_t i = 0; i < LEN(rows); i++) {
        cr_expect(http_client_check_url(rows[i].url, &e) == ST_INVALID, "%s", rows[i].url);
        size_t len = strlen(rows[i].shown);
        cr_expect(strncmp(e.msg, rows[i].shown, len) == 0 && e.msg[len] == ' ', "%s: %s",
                  rows[i].url, e.msg);
        cr_expect(!strstr(e.msg, "secret"), "%s", e.msg);
    }
    EXPECT_NO_LEAK();
}
