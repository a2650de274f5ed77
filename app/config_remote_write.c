/* config_remote_write.c - the rows of one receiver, and how the tree of the file becomes it. */
#include "app/config_remote_write.h"

#include "base/mem.h"
#include "base/unit.h"
#include "export/remote_sender.h"
#include "net/http_client.h"
#include "query/query_series.h"

#include <stdio.h>

enum { TIMEOUT_MIN_MS = 100, TIMEOUT_MAX_MS = 600000, MS = 1000000, RULES_MAX = 256 };

struct target_reader {
    const struct config_file *file;
    struct config_remote_write *list;
    struct remote_target *target; /* being read */
    struct err *e;
};

typedef enum status take_fn(struct target_reader *r, const struct config_node *n);

struct row {
    const char *key;
    enum config_node_kind kind;
    take_fn *take;
    const char *fallback, *help;
};

static enum status complain(const struct target_reader *r, const struct config_node *n,
                            const char *msg)
{
    return config_complain_of(r->file, n->key, n->at, r->e, msg);
}

static enum status no_memory(const struct target_reader *r)
{
    return err_set(r->e, ST_NO_MEMORY, "%s: out of memory", r->file->path);
}

static enum status expect(const struct target_reader *r, const struct config_node *n,
                          enum config_node_kind kind)
{
    static const char *const words[] = {"a value", "a list", "a section with keys"};
    char msg[64];
    if (n->kind == kind)
        return ST_OK;
    snprintf(msg, sizeof(msg), "%s is expected here", words[kind]);
    return complain(r, n, msg);
}

/* Calls the row of each key of a map. */
static enum status take_map(struct target_reader *r, const struct config_node *map,
                            const struct row *rows, size_t count, const char *what)
{
    char msg[160];
    TRY(expect(r, map, NODE_MAP));
    for (const struct config_node *n = map->child; n; n = n->next) {
        size_t i = 0;
        while (i < count && !str_eq(n->key, str_from_c(rows[i].key)))
            i++;
        if (i == count) {
            snprintf(msg, sizeof(msg), "there is no setting %.60s of %s", n->key.ptr, what);
            return config_complain(r->file, n->key_at, r->e, msg);
        }
        TRY(expect(r, n, rows[i].kind));
        TRY(rows[i].take(r, n));
    }
    return ST_OK;
}

/* --- plain values --- */

static enum status take_url(struct target_reader *r, const struct config_node *n)
{
    r->target->url = n->text.ptr;
    return ST_OK;
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static enum status take_name(struct target_reader *r, const struct config_node *n)
{
    for (size_t i = 0; i < n->text.len; i++)
        if (!is_word_char(n->text.ptr[i]) || i + 1 == REMOTE_NAME_BYTES)
            return complain(r, n, "a name is made of at most 63 of a-z A-Z 0-9 - _");
    r->target->name = n->text.ptr;
    return ST_OK;
}

static enum status take_protocol(struct target_reader *r, const struct config_node *n)
{
    uint64_t version;
    if (!str_to_u64(n->text, &version) || version < 1 || version > 2)
        return complain(r, n, "1 or 2 is expected here");
    r->target->protocol = (uint32_t)version;
    return ST_OK;
}

static enum status take_timeout(struct target_reader *r, const struct config_node *n)
{
    uint64_t ns;
    if (unit_parse_duration(n->text, &ns, NULL) != ST_OK || ns / MS < TIMEOUT_MIN_MS ||
        ns / MS > TIMEOUT_MAX_MS)
        return complain(r, n, "a duration of 100ms to 10m is expected here");
    r->target->timeout_ms = (uint32_t)(ns / MS);
    return ST_OK;
}

static enum status take_histograms(struct target_reader *r, const struct config_node *n)
{
    if (unit_parse_bool(n->text, &r->target->sends_histograms, NULL) != ST_OK)
        return complain(r, n, "true or false is expected here");
    return ST_OK;
}

/* Relative to the file's folder. */
static enum status take_path(struct target_reader *r, const struct config_node *n, const char **out)
{
    struct buf path = {0};
    if (n->text.len == 0)
        return ST_OK;
    if (r->file->folder.len && n->text.ptr[0] != '/')
        buf_printf(&path, "%.*s/", STR_ARG(r->file->folder));
    buf_append_str(&path, n->text);
    buf_append_u8(&path, 0);
    *out = arena_dup_str(&r->list->arena, buf_str(&path)).ptr;
    bool ok = !path.failed && *out;
    buf_deinit(&path);
    return ok ? ST_OK : no_memory(r);
}

static enum status take_ca_file(struct target_reader *r, const struct config_node *n)
{
    return take_path(r, n, &r->target->ca_file);
}

static enum status take_token_file(struct target_reader *r, const struct config_node *n)
{
    return take_path(r, n, &r->target->token_file);
}

/* --- basic_auth --- */

static enum status take_user(struct target_reader *r, const struct config_node *n)
{
    r->target->user = n->text.ptr;
    return ST_OK;
}

static enum status take_password(struct target_reader *r, const struct config_node *n)
{
    r->target->password = n->text.ptr;
    return ST_OK;
}

static enum status take_password_file(struct target_reader *r, const struct config_node *n)
{
    return take_path(r, n, &r->target->password_file);
}

static enum status take_basic_auth(struct target_reader *r, const struct config_node *n)
{
    static const struct row rows[] = {
        {"username", NODE_SCALAR, take_user, NULL, NULL},
        {"password", NODE_SCALAR, take_password, NULL, NULL},
        {"password_file", NODE_SCALAR, take_password_file, NULL, NULL},
    };
    const struct remote_target *t = r->target;
    TRY(take_map(r, n, rows, LEN(rows), "basic_auth"));
    if (!t->user || !*t->user)
        return complain(r, n, "a username is needed");
    if (t->password && t->password_file)
        return complain(r, n, "password and password_file exclude each other");
    return ST_OK;
}

/* --- headers, labels --- */

static bool is_reserved(struct str name)
{
    static const char *const reserved[] = {
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "transfer-encoding",
        "user-agent",
        "x-prometheus-remote-write-version",
        "expect",
    };
    for (size_t i = 0; i < LEN(reserved); i++)
        if (str_eq_nocase(name, str_from_c(reserved[i])))
            return true;
    return false;
}

static bool is_header_name(struct str name)
{
    bool ok = name.len > 0;
    for (size_t i = 0; i < name.len; i++)
        ok = ok && is_word_char(name.ptr[i]);
    return ok;
}

static bool is_header_value(struct str value)
{
    bool ok = true;
    for (size_t i = 0; i < value.len; i++)
        ok = ok && (unsigned char)value.ptr[i] >= 0x20 && value.ptr[i] != 0x7f;
    return ok;
}

static enum status take_headers(struct target_reader *r, const struct config_node *n)
{
    uint32_t count = config_node_count(n);
    struct remote_header *headers = arena_calloc(&r->list->arena, count + 1, sizeof(*headers));
    if (!headers)
        return no_memory(r);
    if (count > HTTP_CLIENT_HEADERS - 4)
        return complain(r, n, "these are more headers than a request takes (28)");
    for (const struct config_node *h = n->child; h; h = h->next) {
        TRY(expect(r, h, NODE_SCALAR));
        if (is_reserved(h->key))
            return config_complain(
                r->file, h->key_at, r->e,
                "this header is set by weft; there are settings for credentials");
        if (!is_header_name(h->key) || !is_header_value(h->text))
            return config_complain(r->file, h->key_at, r->e, "this is no header");
        headers[r->target->header_count++] = (struct remote_header){h->key.ptr, h->text.ptr};
    }
    r->target->headers = headers;
    return ST_OK;
}

static enum status take_external_labels(struct target_reader *r, const struct config_node *n)
{
    uint32_t count = 0;
    struct err why;
    struct label *labels = arena_calloc(&r->list->arena, config_node_count(n) + 1, sizeof(*labels));
    if (!labels)
        return no_memory(r);
    for (const struct config_node *l = n->child; l; l = l->next) {
        TRY(expect(r, l, NODE_SCALAR));
        if (l->key.len == 0 || str_eq(l->key, LABEL_METRIC_NAME) || !str_is_utf8(l->key) ||
            !str_is_utf8(l->text))
            return config_complain(r->file, l->key_at, r->e, "this is no name of a label");
        labels[count++] = (struct label){l->key, l->text};
    }
    return label_set_sort(labels, count, &r->target->external_labels, &why) == ST_OK
               ? ST_OK
               : complain(r, n, why.msg);
}

/* --- match, relabel --- */

static enum status take_match(struct target_reader *r, const struct config_node *n)
{
    uint32_t count = config_node_count(n);
    struct remote_match *match = arena_calloc(&r->list->arena, count + 1, sizeof(*match));
    if (!match)
        return no_memory(r);
    if (count > REMOTE_MATCH_MAX)
        return complain(r, n, "these are more than 64 selectors");
    r->target->match = match;
    for (const struct config_node *m = n->child; m; m = m->next) {
        struct label_matcher *matchers;
        struct err why;
        TRY(expect(r, m, NODE_SCALAR));
        enum status status = query_parse_selector(m->text, &r->list->arena, &matchers,
                                                  &match[r->target->match_count].count, &why);
        if (status != ST_OK)
            return status == ST_NO_MEMORY
                       ? no_memory(r)
                       : config_complain_of(r->file, n->key, m->at, r->e, why.msg);
        match[r->target->match_count++].matchers = matchers;
    }
    return ST_OK;
}

/* A rule: a map of texts, and source_labels. */
static enum status read_rule(struct target_reader *r, const struct config_node *map,
                             struct relabel_text *out)
{
    const struct {
        const char *key;
        struct str *text;
    } texts[] = {
        {"action", &out->action},
        {"separator", &out->separator},
        {"target_label", &out->target_label},
        {"regex", &out->regex},
        {"replacement", &out->replacement},
    };
    TRY(expect(r, map, NODE_MAP));
    for (const struct config_node *n = map->child; n; n = n->next) {
        size_t i = 0;
        while (i < LEN(texts) && !str_eq(n->key, str_from_c(texts[i].key)))
            i++;
        bool is_source = str_eq(n->key, STR("source_labels"));
        if (i == LEN(texts) && !is_source && !str_eq(n->key, STR("modulus")))
            return config_complain(r->file, n->key_at, r->e, "there is no such setting of a rule");
        TRY(expect(r, n, is_source ? NODE_LIST : NODE_SCALAR));
        if (i < LEN(texts))
            *texts[i].text = n->text;
        if (!is_source)
            continue;
        struct str *labels =
            arena_calloc(&r->list->arena, config_node_count(n) + 1, sizeof(*labels));
        if (!labels)
            return no_memory(r);
        out->source_labels = labels;
        for (const struct config_node *l = n->child; l; l = l->next) {
            TRY(expect(r, l, NODE_SCALAR));
            labels[out->source_count++] = l->text;
        }
    }
    return ST_OK;
}

static enum status take_relabel(struct target_reader *r, const struct config_node *n)
{
    uint32_t count = config_node_count(n);
    struct relabel_rule *rules = arena_calloc(&r->list->arena, count + 1, sizeof(*rules));
    if (!rules)
        return no_memory(r);
    if (count > RULES_MAX)
        return complain(r, n, "these are more than 256 rules");
    r->target->relabel = rules;
    for (const struct config_node *rule = n->child; rule; rule = rule->next) {
        struct relabel_text text = {0};
        struct err why;
        TRY(read_rule(r, rule, &text));
        enum status status = relabel_rule_init(&text, &rules[r->target->relabel_count], &why);
        if (status != ST_OK)
            return status == ST_NO_MEMORY ? no_memory(r) : complain(r, rule, why.msg);
        r->target->relabel_count++;
    }
    return ST_OK;
}

/* --- a receiver --- */

static const struct row target_rows[] = {
    {"url", NODE_SCALAR, take_url, "", "where to post; needed"},
    {"name", NODE_SCALAR, take_name, "the URL",
     "under which the position is kept; tells receivers of the same URL apart"},
    {"protocol", NODE_SCALAR, take_protocol, "1",
     "remote write 1 or 2; a receiver that does not know 2.0 gets 1.0"},
    {"remote_timeout", NODE_SCALAR, take_timeout, "30s", "of one request"},
    {"match", NODE_LIST, take_match, "[]",
     "selectors; a series that one of them matches is sent; none: every series"},
    {"native_histograms", NODE_SCALAR, take_histograms, "with protocol 2",
     "sends native histograms; else they are counted as lost"},
    {"external_labels", NODE_MAP, take_external_labels, "{}",
     "added to series that do not have them"},
    {"relabel", NODE_LIST, take_relabel, "[]",
     "rules as Prometheus' `write_relabel_configs`, but for `hashmod`; `${1}` is a group"},
    {"headers", NODE_MAP, take_headers, "{}", "of each request, `X-Scope-OrgID` for example"},
    {"basic_auth", NODE_MAP, take_basic_auth, "{}",
     "`username`, and `password` or `password_file` (read for each request)"},
    {"bearer_token_file", NODE_SCALAR, take_token_file, "", "read for each request"},
    {"ca_file", NODE_SCALAR, take_ca_file, "the system's", "certificates to trust"},
};

static bool is_set(const struct config_node *map, struct str key)
{
    for (const struct config_node *n = map->child; n; n = n->next)
        if (str_eq(n->key, key))
            return true;
    return false;
}

static const char *cursor_name(const struct remote_target *t)
{
    return t->name && *t->name ? t->name : t->url;
}

static enum status check_target(struct target_reader *r, const struct config_node *n)
{
    const struct remote_target *t = r->target;
    struct err why;
    if (!t->url || strlen(t->url) >= REMOTE_URL_BYTES)
        return complain(r, n, "a receiver needs a url of at most 511 bytes");
    if (http_client_check_url(t->url, &why) != ST_OK)
        return complain(r, n, why.msg);
    if (t->user && t->token_file)
        return complain(r, n, "basic_auth and bearer_token_file exclude each other");
    for (const struct remote_target *before = r->list->targets; before < t; before++)
        if (strcmp(cursor_name(before), cursor_name(t)) == 0)
            return complain(r, n, "there is such a receiver already: give each a name");
    return ST_OK;
}

static enum status take_target(struct target_reader *r, const struct config_node *n)
{
    struct remote_target *t = r->target = &r->list->targets[r->list->count++];
    *t = (struct remote_target){.protocol = 1, .timeout_ms = 30000};
    TRY(take_map(r, n, target_rows, LEN(target_rows), "a receiver"));
    if (!is_set(n, STR("native_histograms")))
        t->sends_histograms = t->protocol == 2;
    return check_target(r, n);
}

static enum status take_list(struct target_reader *r, const struct config_node *n)
{
    TRY(expect(r, n, NODE_LIST));
    if (config_node_count(n) > REMOTE_TARGETS_MAX)
        return complain(r, n, "these are more than 16 receivers");
    for (const struct config_node *target = n->child; target; target = target->next)
        TRY(take_target(r, target));
    return ST_OK;
}

static enum status keep_source(struct target_reader *r, const struct config_node *n)
{
    struct buf text = {0};
    config_node_print(n, &text);
    r->list->source = arena_dup_str(&r->list->arena, buf_str(&text));
    bool ok = !text.failed && r->list->source.ptr;
    buf_deinit(&text);
    return ok ? ST_OK : no_memory(r);
}

enum status config_remote_write_read(const struct config_file *file, yaml_parser_t *parser,
                                     const yaml_event_t *first, struct config_remote_write **out,
                                     struct err *e)
{
    struct config_remote_write *list = mem_calloc(1, sizeof(*list));
    struct target_reader r = {.file = file, .list = list, .e = e};
    struct config_node *node;
    if (!list)
        return no_memory(&r);
    list->targets = arena_calloc(&list->arena, REMOTE_TARGETS_MAX, sizeof(*list->targets));
    enum status status = list->targets ? ST_OK : no_memory(&r);
    if (status == ST_OK)
        status = config_node_read(file, parser, first, &list->arena, &node, e);
    if (status == ST_OK)
        status = take_list(&r, node);
    if (status == ST_OK)
        status = keep_source(&r, node);
    if (status != ST_OK) {
        config_remote_write_free(list);
        return status;
    }
    *out = list;
    return ST_OK;
}

static void free_target(struct remote_target *t)
{
    for (uint32_t i = 0; i < t->relabel_count; i++)
        relabel_rule_deinit((struct relabel_rule *)(uintptr_t)&t->relabel[i]);
    for (uint32_t i = 0; i < t->match_count; i++)
        for (uint32_t m = 0; m < t->match[i].count; m++)
            label_matcher_deinit((struct label_matcher *)(uintptr_t)&t->match[i].matchers[m]);
}

void config_remote_write_free(struct config_remote_write *c)
{
    if (!c)
        return;
    for (uint32_t i = 0; i < c->count; i++)
        free_target(&c->targets[i]);
    arena_deinit(&c->arena);
    mem_free(c);
}

bool config_remote_write_eq(const struct config_remote_write *a,
                            const struct config_remote_write *b)
{
    return str_eq(a ? a->source : STR(""), b ? b->source : STR(""));
}

void config_remote_write_describe(struct buf *out)
{
    buf_printf(out,
               "\n## remote_write\n\n"
               "A list of at most %d receivers that get every series, or those that `match` "
               "selects, by Prometheus' remote write.\n"
               "What weft holds is sent once it is final: stored samples after 10 s, samples made "
               "of edges after `graph.wait` and 15 s.\n"
               "A receiver that comes back gets what it missed, as far as retention goes. Changes "
               "wait for a restart.\n\n"
               "    remote_write:\n"
               "      - url: http://127.0.0.1:9090/api/v1/write\n"
               "        match: ['{__name__=~\"traces_.*\"}']\n"
               "        external_labels: { cluster: eu-1 }\n\n"
               "| key | default | what it is |\n|---|---|---|\n",
               REMOTE_TARGETS_MAX);
    for (size_t i = 0; i < LEN(target_rows); i++)
        buf_printf(out, "| `%s` | %s%s%s | %s |\n", target_rows[i].key,
                   *target_rows[i].fallback ? "`" : "", target_rows[i].fallback,
                   *target_rows[i].fallback ? "`" : "", target_rows[i].help);
}
