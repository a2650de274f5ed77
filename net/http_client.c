/* http_client.c - a libcurl handle, set up once and used for every request to one peer. */
#include "net/http_client.h"

#include "base/fileio.h"
#include "base/buf.h"
#include "base/mem.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { TIMEOUT_MS = 30000, CONNECT_MS = 10000, SECRET_MAX = 64 * KIB, SHOWN_BYTES = 70 };

/* The longest wait a peer may ask for: newer libcurl (8.14) cuts there, older ones must give the
 * same. */
enum { WAIT_MAX_S = 6 * 3600 };

struct http_client {
    CURL *curl;
    struct http_client_config config;  /* texts borrowed */
    struct http_client_answer *answer; /* of the request that runs */
    size_t reason_len;
    char error[CURL_ERROR_SIZE];
};

/* --- what libcurl calls --- */

static size_t on_body(char *bytes, size_t size, size_t count, void *user)
{
    struct http_client *c = user;
    size_t room = sizeof(c->answer->reason) - 1 - c->reason_len;
    size_t kept = MIN(room, size * count);
    memcpy(c->answer->reason + c->reason_len, bytes, kept);
    c->reason_len += kept;
    return size * count; /* all of it is read, so that the connection can be used again */
}

/* The value behind `name:`, trimmed; false for another header. */
static bool header_value(struct str line, struct str name, struct str *out)
{
    struct str head, tail;
    if (!str_cut(line, ':', &head, &tail) || !str_eq_nocase(head, name))
        return false;
    *out = str_trim(tail);
    return true;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *user)
{
    struct http_client *c = user;
    struct str line = {bytes, size * count}, value;
    uint64_t number;
    bool tells = header_value(line, STR("x-prometheus-remote-write-samples-written"), &value) ||
                 header_value(line, STR("x-prometheus-remote-write-histograms-written"), &value);
    if (tells && str_to_u64(value, &number)) {
        c->answer->has_written = true;
        number = MIN(number, UINT64_MAX - c->answer->samples_written);
        c->answer->samples_written += number;
    }
    return size * count;
}

/* libcurl asks about once a second. */
static int on_progress(void *user, curl_off_t a, curl_off_t b, curl_off_t x, curl_off_t y)
{
    const struct http_client *c = user;
    (void)a, (void)b, (void)x, (void)y;
    return c->config.cancelled && atomic_load(c->config.cancelled);
}

/* --- life --- */

static pthread_once_t global_once = PTHREAD_ONCE_INIT;

static void global_init(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bool set_up(struct http_client *c)
{
    const struct http_client_config *config = &c->config;
    CURL *h = c->curl;
    bool ok = curl_easy_setopt(h, CURLOPT_URL, config->url) == CURLE_OK &&
              curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
    curl_easy_setopt(h, CURLOPT_POST, 1L);
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS,
                     (long)(config->timeout_ms ? config->timeout_ms : TIMEOUT_MS));
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, c->error);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(h, CURLOPT_HEADERDATA, c);
    curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(h, CURLOPT_XFERINFODATA, c);
    curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
    if (config->ca_file && *config->ca_file)
        ok &= curl_easy_setopt(h, CURLOPT_CAINFO, config->ca_file) == CURLE_OK;
    if (config->user && *config->user) {
        ok &= curl_easy_setopt(h, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) == CURLE_OK;
        ok &= curl_easy_setopt(h, CURLOPT_USERNAME, config->user) == CURLE_OK;
        ok &= curl_easy_setopt(h, CURLOPT_PASSWORD, config->password ? config->password : "") ==
              CURLE_OK;
    }
    return ok;
}

/* The scheme with its slashes; 0 when there is none: `me:secret@host` has a colon, too. */
static size_t scheme_length(struct str url)
{
    size_t letters = 0, end;
    while (letters < url.len && url.ptr[letters] != ':' && url.ptr[letters] != '/')
        letters++;
    for (end = letters; end < url.len && (url.ptr[end] == ':' || url.ptr[end] == '/'); end++) {
    }
    return end > letters && url.ptr[end - 1] == '/' ? end : 0;
}

/* Without what may be a user, a password or a key; where those end, a malformed address does not
 * tell, so that everything up to the last @ is left out. */
static enum status fail_url(struct str url, struct err *e)
{
    size_t scheme = scheme_length(url), at = str_find_last(url, '@');
    struct str rest = str_sub(url, at < url.len ? at + 1 : scheme, url.len);
    rest.len = MIN(str_find(rest, '?'), str_find(rest, '#'));
    return err_set(e, ST_INVALID, "%.*s%.*s is no http:// or https:// address",
                   (int)MIN(scheme, (size_t)SHOWN_BYTES), url.ptr,
                   (int)MIN(rest.len, (size_t)SHOWN_BYTES), rest.ptr);
}

enum status http_client_check_url(const char *url, struct err *e)
{
    CURLU *parts = curl_url();
    char *scheme = NULL;
    bool ok = parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
              curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    curl_free(scheme);
    curl_url_cleanup(parts);
    return ok ? ST_OK : fail_url(str_from_c(url ? url : ""), e);
}

enum status http_client_new(const struct http_client_config *config, struct http_client **out,
                            struct err *e)
{
    int fd;
    pthread_once(&global_once, global_init);
    TRY(http_client_check_url(config->url, e));
    if (config->ca_file && *config->ca_file) {
        TRY(file_open(config->ca_file, 0, &fd, e));
        file_close(fd);
    }
    struct http_client *c = mem_calloc(1, sizeof(*c));
    if (!c)
        return err_set(e, ST_NO_MEMORY, "no memory for an HTTP client");
    c->config = *config;
    c->curl = curl_easy_init();
    if (!c->curl || !set_up(c)) {
        http_client_free(c);
        return err_set(e, ST_NO_MEMORY, "no memory for an HTTP client");
    }
    *out = c;
    return ST_OK;
}

void http_client_free(struct http_client *c)
{
    if (!c)
        return;
    curl_easy_cleanup(c->curl);
    mem_free(c);
}

/* --- one request --- */

static bool add_header(struct curl_slist **list, const char *name, struct str value)
{
    struct buf line = {0};
    buf_printf(&line, "%s: %.*s", name, STR_ARG(value));
    buf_append_u8(&line, 0);
    struct curl_slist *longer = line.failed ? NULL : curl_slist_append(*list, line.ptr);
    buf_deinit(&line);
    if (longer)
        *list = longer;
    return longer != NULL;
}

/* `prefix` and the trimmed content of a file; NUL-ended. */
static enum status read_secret(const char *path, const char *prefix, struct buf *out, struct err *e)
{
    char *text;
    size_t len;
    TRY(file_read_all(path, SECRET_MAX, &text, &len, e));
    struct str secret = str_trim((struct str){text, len});
    buf_printf(out, "%s%.*s", prefix, STR_ARG(secret));
    buf_append_u8(out, 0);
    mem_free(text);
    return out->failed ? err_set(e, ST_NO_MEMORY, "no memory for a request") : ST_OK;
}

static enum status use_secrets(const struct http_client *c, struct curl_slist **list, struct err *e)
{
    const struct http_client_config *config = &c->config;
    struct buf secret = {0};
    enum status status = ST_OK;
    bool ok = true;
    if (config->password_file && *config->password_file) {
        status = read_secret(config->password_file, "", &secret, e);
        ok = status == ST_OK && curl_easy_setopt(c->curl, CURLOPT_PASSWORD, secret.ptr) == CURLE_OK;
    } else if (config->bearer_token_file && *config->bearer_token_file) {
        status = read_secret(config->bearer_token_file, "Bearer ", &secret, e);
        ok = status == ST_OK && add_header(list, "Authorization", str_from_c(secret.ptr));
    }
    buf_deinit(&secret);
    return ok || status != ST_OK ? status : err_set(e, ST_NO_MEMORY, "no memory for a request");
}

static enum status make_headers(const struct http_client *c,
                                const struct http_client_header *headers, size_t count,
                                struct curl_slist **list, struct err *e)
{
    /* Without it libcurl waits a second for leave to send large bodies. */
    bool ok = add_header(list, "Expect", STR(""));
    for (size_t i = 0; ok && i < MIN(count, (size_t)HTTP_CLIENT_HEADERS); i++)
        ok = add_header(list, headers[i].name, str_from_c(headers[i].value));
    return ok ? use_secrets(c, list, e) : err_set(e, ST_NO_MEMORY, "no memory for a request");
}

static enum status perform(struct http_client *c, struct err *e)
{
    long status = 0;
    curl_off_t wait_s = 0;
    c->error[0] = '\0';
    CURLcode code = curl_easy_perform(c->curl);
    if (code == CURLE_OK) {
        curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(c->curl, CURLINFO_RETRY_AFTER, &wait_s);
        c->answer->status = (unsigned)status;
        c->answer->retry_after_ms = (uint32_t)MAX(MIN(wait_s, WAIT_MAX_S), 0) * 1000;
        return ST_OK;
    }
    const char *why = c->error[0] ? c->error : curl_easy_strerror(code);
    snprintf(c->answer->reason, sizeof(c->answer->reason), "%s", why);
    return err_set(e, code == CURLE_OPERATION_TIMEDOUT ? ST_TIMEOUT : ST_IO, "%s", why);
}

enum status http_client_post(struct http_client *c, struct str body,
                             const struct http_client_header *headers, size_t header_count,
                             struct http_client_answer *answer, struct err *e)
{
    struct curl_slist *list = NULL;
    *answer = (struct http_client_answer){0};
    c->answer = answer;
    c->reason_len = 0;
    enum status status = make_headers(c, headers, header_count, &list, e);
    if (status == ST_OK) {
        curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, list);
        curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
        curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, body.ptr);
        status = perform(c, e);
        curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, NULL);
    } else {
        snprintf(answer->reason, sizeof(answer->reason), "%.200s",
                 e ? e->msg : "the request cannot be made");
    }
    curl_slist_free_all(list);
    return status;
}
