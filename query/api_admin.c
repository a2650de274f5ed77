/* api_admin.c - health, readiness, and what an operator asks for with POST. */
#include "query/api.h"

bool api_is_ready(const struct query_config *config, const char **reason)
{
    *reason = "starting";
    return !config->hooks.ready || config->hooks.ready(config->hooks.user, reason);
}

enum status api_healthy(struct request *r, struct http_response *out, struct err *e)
{
    (void)r;
    (void)e;
    reply_text(out, "healthy");
    return ST_OK;
}

enum status api_ready(struct request *r, struct http_response *out, struct err *e)
{
    const char *reason;
    (void)e;
    bool ready = api_is_ready(r->config, &reason);
    reply_text(out, ready ? "ready" : reason);
    if (!ready)
        out->status = 503;
    return ST_OK;
}

/* Runs what app alone can do; without a hook there is no such path. */
static enum status run_hook(enum status (*hook)(void *user, struct err *e), void *user,
                            const char *word, struct http_response *out, struct err *e)
{
    if (!hook)
        return err_set(e, ST_NOT_FOUND, "there is no such path here");
    TRY(hook(user, e));
    reply_text(out, word);
    return ST_OK;
}

enum status api_reload(struct request *r, struct http_response *out, struct err *e)
{
    const struct query_hooks *hooks = &r->config->hooks;
    return run_hook(hooks->reload, hooks->user, "reloaded", out, e);
}

enum status api_flush(struct request *r, struct http_response *out, struct err *e)
{
    const struct query_hooks *hooks = &r->config->hooks;
    struct account_totals totals;
    TRY(run_hook(hooks->flush, hooks->user, "flushed", out, e));
    account_read(r->config->account, &totals);
    live_view_settle(r->live, &totals);
    return ST_OK;
}

enum status api_compact(struct request *r, struct http_response *out, struct err *e)
{
    const struct query_hooks *hooks = &r->config->hooks;
    return run_hook(hooks->compact, hooks->user, "compacted", out, e);
}
