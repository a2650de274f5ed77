/* api_prom_parse.c - /api/v1/format_query and /api/v1/parse_query: an expression laid out, and as a
 * tree. */
#include "query/api.h"
#include "query/prom_reply.h"

static enum status parse(struct request *r, struct promql_node **root, struct err *e)
{
    struct str text = {0};
    struct err inner = {0};
    params_find(&r->params, "query", &text);
    enum status status = promql_parse(text, r->arena, root, &inner);
    if (status == ST_INVALID)
        return err_set(e, status, "invalid parameter \"query\": %s", inner.msg);
    return status == ST_OK ? ST_OK : err_set(e, status, "%s", inner.msg);
}

enum status prom_format_query(struct request *r, struct http_response *out, struct err *e)
{
    struct promql_node *root = NULL;
    struct buf text = {0};
    struct json_writer w;
    enum status status = parse(r, &root, e);
    if (status == ST_OK) {
        promql_print_pretty(root, &text);
        prom_reply_begin(out, &w);
        json_str(&w, buf_str(&text));
        prom_reply_end(&w, NULL);
        out->body.failed |= text.failed;
    }
    buf_deinit(&text);
    promql_free(root);
    return status;
}

enum status prom_parse_query(struct request *r, struct http_response *out, struct err *e)
{
    struct promql_node *root = NULL;
    struct json_writer w;
    enum status status = parse(r, &root, e);
    if (status == ST_OK) {
        prom_reply_begin(out, &w);
        promql_print_tree(root, &w);
        prom_reply_end(&w, NULL);
    }
    promql_free(root);
    return status;
}
