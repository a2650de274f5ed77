/* remote_post.c - one request after the other, and what to do about each answer. */
#include "export/remote_post.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"

#include <stdio.h>

struct remote_post {
    const struct remote_target *target; /* borrowed */
    struct remote_state *state;         /* borrowed */
    struct http_client *client;         /* owned */
    struct write_encoder encoder;
    struct buf body;
    struct remote_backoff backoff;
    uint64_t random;
    const char *shown; /* the URL as others may see it; state's, and constant */
    bool is_2;
};

/* Part of a batch. */
struct part {
    const struct remote_batch *batch;
    size_t first, end; /* series */
};

static void set_version(struct remote_post *p, bool is_2)
{
    write_encoder_deinit(&p->encoder);
    write_encoder_init(&p->encoder, is_2 ? ENCODING_REMOTE_WRITE_2 : ENCODING_REMOTE_WRITE_1, 0);
    p->is_2 = is_2;
    remote_state_lock(p->state)->protocol = is_2 ? 2 : 1;
    remote_state_unlock(p->state);
}

enum status remote_post_new(const struct remote_target *target, struct remote_state *state,
                            struct remote_post **out, struct err *e)
{
    struct http_client_config client = {.url = target->url,
                                        .ca_file = target->ca_file,
                                        .user = target->user,
                                        .password = target->password,
                                        .password_file = target->password_file,
                                        .bearer_token_file = target->token_file,
                                        .timeout_ms = target->timeout_ms,
                                        .cancelled = &state->stopping};
    struct remote_post *p = mem_calloc(1, sizeof(*p));
    if (!p)
        return err_set(e, ST_NO_MEMORY, "no memory for a sender of remote write");
    enum status status = http_client_new(&client, &p->client, e);
    if (status != ST_OK) {
        mem_free(p);
        return status;
    }
    p->target = target;
    p->state = state;
    p->shown = state->stats.url;
    p->random = hash_u64(clock_mono_ns());
    set_version(p, target->protocol == 2);
    *out = p;
    return ST_OK;
}

void remote_post_free(struct remote_post *p)
{
    if (!p)
        return;
    http_client_free(p->client);
    write_encoder_deinit(&p->encoder);
    buf_deinit(&p->body);
    mem_free(p);
}

bool remote_post_is_2(const struct remote_post *p)
{
    return p->is_2;
}

/* --- one request --- */

static uint32_t samples_in(const struct part *part)
{
    uint32_t samples = 0;
    for (size_t i = part->first; i < part->end; i++)
        samples += part->batch->series.items[i].sample_count;
    return samples;
}

static enum status finish(struct remote_post *p, struct err *e)
{
    buf_reset(&p->body);
    if (!write_encoder_finish(&p->encoder, &p->body))
        return err_set(e, ST_NO_MEMORY, "no memory for a request of remote write");
    return ST_OK;
}

static enum status encode(struct remote_post *p, const struct part *part, struct err *e)
{
    write_encoder_begin(&p->encoder);
    for (size_t i = part->first; i < part->end; i++) {
        const struct metric_metadata *family = &part->batch->family.items[i];
        write_encoder_series(&p->encoder, &part->batch->series.items[i],
                             family->metric.len ? family : NULL);
    }
    return finish(p, e);
}

/* Posts p->body as it is. */
static enum status post(struct remote_post *p, struct http_client_answer *answer, struct err *e)
{
    struct http_client_header headers[HTTP_CLIENT_HEADERS] = {
        {"Content-Type", p->is_2 ? "application/x-protobuf;proto=io.prometheus.write.v2.Request"
                                 : "application/x-protobuf"},
        {"Content-Encoding", "snappy"},
        {"X-Prometheus-Remote-Write-Version", p->is_2 ? "2.0.0" : "0.1.0"},
        {"User-Agent", "weft/" WEFT_VERSION},
    };
    size_t count = 4;
    for (uint32_t i = 0; i < p->target->header_count && count < HTTP_CLIENT_HEADERS; i++)
        headers[count++] =
            (struct http_client_header){p->target->headers[i].name, p->target->headers[i].value};
    return http_client_post(p->client, buf_str(&p->body), headers, count, answer, e);
}

/* --- what became of it --- */

/* How a body begins: its first line, without what a terminal or a page would act on. */
static void first_line(const char *text, char *out, size_t cap)
{
    size_t n = 0;
    for (; text[n] && text[n] != '\n' && text[n] != '\r' && n + 1 < cap; n++)
        out[n] = text[n] >= 0x20 && text[n] < 0x7f && text[n] != '"' ? text[n] : '?';
    out[n] = '\0';
}

static void note_failure(struct remote_post *p, const struct http_client_answer *answer, bool again)
{
    char line[REMOTE_ERROR_BYTES - 32], text[REMOTE_ERROR_BYTES];
    first_line(answer->reason, line, sizeof(line));
    if (answer->status)
        snprintf(text, sizeof(text), "HTTP %u: %s", answer->status, line);
    else
        snprintf(text, sizeof(text), "%s", line);
    struct remote_stats *stats = remote_state_lock(p->state);
    memcpy(stats->last_error, text, sizeof(text));
    stats->failed++;
    stats->retries += again;
    remote_state_unlock(p->state);
    log_limited(LOG_WARN, "remote_write: request failed url=%s again=%s reason=\"%s\"", p->shown,
                again ? "yes" : "no", text);
}

static void note_delivered(struct remote_post *p, uint32_t samples)
{
    struct remote_stats *stats = remote_state_lock(p->state);
    stats->sent += samples;
    stats->requests++;
    stats->last_error[0] = '\0';
    remote_state_unlock(p->state);
    remote_backoff_reset(&p->backoff);
}

static void note_lost(struct remote_post *p, enum remote_loss loss, uint32_t samples)
{
    remote_state_lock(p->state)->lost[loss] += samples;
    remote_state_unlock(p->state);
    remote_backoff_reset(&p->backoff);
}

/* 2.0 tells how many of a refused request it wrote all the same. */
static void note_refused(struct remote_post *p, const struct http_client_answer *answer,
                         uint32_t samples)
{
    uint32_t written = p->is_2 ? (uint32_t)MIN(answer->samples_written, (uint64_t)samples) : 0;
    remote_state_lock(p->state)->sent += written;
    remote_state_unlock(p->state);
    note_lost(p, REMOTE_LOST_REJECTED, samples - written);
}

static void downgrade(struct remote_post *p)
{
    log_warn("remote_write: %s does not know remote write 2.0, 1.0 is sent from now on", p->shown);
    set_version(p, false);
}

static enum status wait_again(struct remote_post *p, uint32_t retry_after_ms, struct err *e)
{
    p->random = hash_u64(p->random + 1);
    if (remote_state_wait(p->state, remote_backoff_next(&p->backoff, retry_after_ms, p->random)))
        return ST_OK;
    return err_set(e, ST_BUSY, "remote write is stopping");
}

/* Receivers of 1.0 that refuse a request whole for one such sample, as Prometheus up to 2.x, are
 * given its halves: the other samples are good. */
static bool is_about_order(const struct http_client_answer *answer)
{
    struct str reason = str_from_c(answer->reason);
    return answer->status == 400 && !answer->has_written &&
           (str_search(reason, STR("out of order")) < reason.len ||
            str_search(reason, STR("duplicate sample")) < reason.len);
}

static enum remote_verdict judge(const struct remote_post *p,
                                 const struct http_client_answer *answer)
{
    return is_about_order(answer) ? REMOTE_SPLIT
                                  : remote_judge(answer->status, p->is_2, answer->has_written);
}

/* --- a batch --- */

/* Sends a part until its fate is known: *split when its halves are to be sent. */
static enum status deliver(struct remote_post *p, const struct part *part, bool *split,
                           struct err *e)
{
    struct http_client_answer answer;
    uint32_t samples = samples_in(part);
    *split = false;
    TRY(encode(p, part, e));
    for (;;) {
        struct err why = {0};
        if (post(p, &answer, &why) == ST_NO_MEMORY)
            return err_set(e, ST_NO_MEMORY, "%s", why.msg);
        if (p->state->stopping && !answer.status)
            return err_set(e, ST_BUSY, "remote write is stopping");
        switch (judge(p, &answer)) {
        case REMOTE_DELIVERED:
            return note_delivered(p, samples), ST_OK;
        case REMOTE_RETRY:
            note_failure(p, &answer, true);
            TRY(wait_again(p, answer.retry_after_ms, e));
            break;
        case REMOTE_DOWNGRADE:
            downgrade(p);
            TRY(encode(p, part, e));
            break;
        case REMOTE_SPLIT:
            *split = part->end - part->first > 1;
            note_failure(p, &answer, *split);
            if (!*split)
                note_lost(p, answer.status == 413 ? REMOTE_LOST_TOO_BIG : REMOTE_LOST_REJECTED,
                          samples);
            return ST_OK;
        case REMOTE_DROP:
            note_failure(p, &answer, false);
            return note_refused(p, &answer, samples), ST_OK;
        }
    }
}

/* Halves lie on a stack: at most one a level is waiting. */
enum status remote_post_batch(struct remote_post *p, const struct remote_batch *b, struct err *e)
{
    struct part waiting[32] = {{.batch = b, .end = b->series.len}};
    size_t count = b->series.len > 0;
    remote_state_lock(p->state)->pending = b->sample_count;
    remote_state_unlock(p->state);
    while (count > 0) {
        struct part part = waiting[--count];
        bool split;
        TRY(deliver(p, &part, &split, e));
        if (!split)
            continue;
        size_t middle = part.first + (part.end - part.first) / 2;
        waiting[count++] = (struct part){b, middle, part.end};
        waiting[count++] = (struct part){b, part.first, middle};
    }
    remote_state_lock(p->state)->pending = 0;
    remote_state_unlock(p->state);
    return ST_OK;
}

void remote_post_metadata(struct remote_post *p, const struct metric_metadata *items, size_t count)
{
    struct http_client_answer answer;
    struct err e;
    write_encoder_begin(&p->encoder);
    for (size_t i = 0; i < count; i++)
        write_encoder_metadata(&p->encoder, &items[i]);
    if (finish(p, &e) != ST_OK || post(p, &answer, &e) == ST_NO_MEMORY)
        return;
    if (remote_judge(answer.status, false, false) != REMOTE_DELIVERED && !p->state->stopping)
        note_failure(p, &answer, false);
}
