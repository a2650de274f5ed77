/* api_ui.c - the web UI: embedded files with ETag, gzip as they were packed, and a policy that runs
 * no foreign script. */
#include "query/api.h"
#include "query/ui_assets.h"

static const char content_security_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
    "'none'";

const struct ui_file *ui_asset_find(struct str path)
{
    if (str_eq(path, STR("/")))
        path = STR("/index.html");
    for (const struct ui_file *f = ui_files; f->path; f++)
        if (str_eq(path, str_from_c(f->path)))
            return f;
    return NULL;
}

/* "gzip" among the words of Accept-Encoding, unless with q=0. */
static bool accepts_gzip(struct str header)
{
    while (header.len) {
        struct str item, coding, weight;
        str_cut(header, ',', &item, &header);
        str_cut(item, ';', &coding, &weight);
        weight = str_trim(weight);
        if (str_eq_nocase(str_trim(coding), STR("gzip")))
            return !str_eq(weight, STR("q=0")) && !str_starts_with(weight, STR("q=0.0"));
    }
    return false;
}

static struct str opaque_tag(struct str tag)
{
    return str_starts_with(tag, STR("W/")) ? str_sub(tag, 2, tag.len) : tag;
}

/* If-None-Match compares weakly (RFC 9110 13.1.2): a list of tags, or a star. */
static bool etag_matches(struct str header, const char *etag)
{
    struct str ours = opaque_tag(str_from_c(etag));
    while (header.len) {
        struct str item;
        str_cut(header, ',', &item, &header);
        item = str_trim(item);
        if (str_eq(item, STR("*")) || str_eq(opaque_tag(item), ours))
            return true;
    }
    return false;
}

static void append_bytes(struct http_response *out, const unsigned char *bytes, size_t len)
{
    buf_reserve(&out->body, len); /* the whole file at once, not by doubling */
    buf_append(&out->body, bytes, len);
}

enum status api_ui(struct request *r, struct http_response *out, struct err *e)
{
    const struct ui_file *file = ui_asset_find(r->path);
    if (!file)
        return err_set(e, ST_NOT_FOUND, "there is no such file");
    out->content_type = file->type;
    reply_header(out, "ETag", file->etag);
    reply_header(out, "Cache-Control", "no-cache");
    reply_header(out, "Content-Security-Policy", content_security_policy);
    reply_header(out, "Referrer-Policy", "no-referrer");
    if (etag_matches(r->if_none_match, file->etag)) {
        out->status = 304;
        reply_header(out, "Vary", "Accept-Encoding"); /* as the 200 has it */
        out->content_type = NULL;
        return ST_OK;
    }
    out->status = 200;
    if (file->gzip_len && accepts_gzip(r->accept_encoding)) {
        reply_header(out, "Content-Encoding", "gzip");
        reply_header(out, "Vary", "Accept-Encoding");
        append_bytes(out, file->gzip, file->gzip_len);
    } else {
        append_bytes(out, file->bytes, file->len);
    }
    return ST_OK;
}
