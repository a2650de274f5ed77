/* http1_check.c - the strictness of RFC 9112 that libmicrohttpd lacks; each check has its row in
 * tests/unit/net. */
#include "net/http1_check.h"

/* MHD keeps a field or a parameter of the query in FIELD_BYTES of a connection's pool, beside the
 * head itself; what does not fit in it gets no answer at all. */
enum { URI_BYTES = 8 * KIB, FIELD_BYTES = 64, HEAD_POOL_BYTES = 19 * KIB };

static struct http1_fault fault(unsigned http, const char *sentence)
{
    return (struct http1_fault){http, sentence};
}

static const struct http1_fault none = {0, NULL};

/* Two lengths, or a length and a coding: the next hop may see another end of this request than we
 * do. */
static struct http1_fault check_framing(const struct fields *fields)
{
    unsigned lengths = fields_count(fields, STR("content-length"));
    unsigned codings = fields_count(fields, STR("transfer-encoding"));
    uint64_t length;
    if (lengths > 1 || codings > 1 || (lengths && codings))
        return fault(400, "more than one Content-Length or Transfer-Encoding");
    if (lengths && !str_to_u64(fields_find(fields, STR("content-length")), &length))
        return fault(400, "Content-Length is not a number");
    if (codings &&
        !str_eq_nocase(str_trim(fields_find(fields, STR("transfer-encoding"))), STR("chunked")))
        return fault(501, "the only Transfer-Encoding known here is chunked");
    return none;
}

static struct http1_fault check_names(const struct fields *fields)
{
    struct str name, value;
    for (size_t at = 0; fields_next(fields, &at, &name, &value);) {
        if (name.len == 0 || memchr(value.ptr, 0, value.len))
            return fault(400, "a header field without a name, or with a NUL in it");
        for (size_t i = 0; i < name.len; i++) {
            if ((unsigned char)name.ptr[i] <= ' ')
                return fault(400, "white space in the name of a header field");
        }
    }
    return none;
}

/* The next byte of a path with %XX undone; -1 when malformed. */
static int next_byte(struct str path, size_t *at)
{
    char c = path.ptr[(*at)++];
    if (c != '%')
        return (unsigned char)c;
    if (path.len - *at < 2)
        return -1;
    int high = str_hex_digit(path.ptr[*at]), low = str_hex_digit(path.ptr[*at + 1]);
    *at += 2;
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* Looks at the path as it will be decoded later: %2e%2e and %2f hide nothing. */
static struct http1_fault check_path(struct str path)
{
    size_t dots = 0, others = 0;
    for (size_t at = 0; at < path.len;) {
        int c = next_byte(path, &at);
        if (c <= 0)
            return fault(400, "the path has a NUL or a malformed % in it");
        if (c == '/' || c == '\\') {
            if (dots == 2 && others == 0)
                break;
            dots = others = 0;
        } else if (c == '.') {
            dots++;
        } else {
            others++;
        }
    }
    if (dots == 2 && others == 0)
        return fault(400, "the path has a .. segment");
    return none;
}

static struct http1_fault check_uri(struct str uri)
{
    struct str path, query;
    if (uri.len > URI_BYTES)
        return fault(414, "the URI is too long");
    str_cut(uri, '?', &path, &query);
    return check_path(path);
}

struct http1_fault http1_check_head(const struct fields *fields, struct str version, struct str uri,
                                    uint32_t header_list_bytes)
{
    struct http1_fault f;
    if (!str_eq(version, STR("HTTP/1.1")) && !str_eq(version, STR("HTTP/1.0")))
        return fault(505, "this port speaks HTTP/1.1");
    if ((f = check_uri(uri)).http)
        return f;
    if (fields->list_bytes > header_list_bytes)
        return fault(431, "the header fields are too large");
    if ((f = check_names(fields)).http)
        return f;
    if (fields_count(fields, STR("host")) > 1)
        return fault(400, "more than one Host");
    if (str_eq(version, STR("HTTP/1.1")) && fields_count(fields, STR("host")) == 0)
        return fault(400, "a request without Host");
    return check_framing(fields);
}

/* What libmicrohttpd judges by itself, before it asks us, and answers with HTML and without our
 * header fields; of lengths, codings and hosts only 1.0 does, 0.9 leaves them to
 * http1_check_head(). */
struct raw_framing {
    unsigned hosts, lengths, codings;
    bool is_unknown_coding;
};

static struct http1_fault check_field(struct str name, struct str value, struct raw_framing *seen)
{
    uint64_t length;
    if (name.len == 0 || name.ptr[name.len - 1] == ' ' || name.ptr[name.len - 1] == '\t')
        return fault(400, "white space in the name of a header field, or none");
    if (str_eq_nocase(name, STR("content-length"))) {
        seen->lengths++;
        if (!str_to_u64(value, &length))
            return fault(400, "Content-Length is not a number");
    } else if (str_eq_nocase(name, STR("transfer-encoding"))) {
        seen->codings++;
        seen->is_unknown_coding |= !str_eq_nocase(value, STR("chunked"));
    } else if (str_eq_nocase(name, STR("host"))) {
        seen->hosts++;
    }
    return none;
}

static struct http1_fault check_version(struct str first_line)
{
    size_t space = first_line.len;
    while (space > 0 && first_line.ptr[space - 1] != ' ')
        space--;
    struct str version = str_sub(first_line, space, first_line.len);
    if (str_eq(version, STR("HTTP/1.1")) || str_eq(version, STR("HTTP/1.0")))
        return none;
    bool is_other = version.len == 8 && str_starts_with(version, STR("HTTP/"));
    return is_other ? fault(505, "this port speaks HTTP/1.1")
                    : fault(400, "the first line is not METHOD PATH HTTP/1.1");
}

/* One line without its CR LF. */
static struct http1_fault check_line(struct str line, unsigned number, struct raw_framing *seen)
{
    struct str name, value;
    if (line.len && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
        return fault(400, "a folded header line");
    if (line.len && (memchr(line.ptr, '\0', line.len) || memchr(line.ptr, '\r', line.len)))
        return fault(400, "a NUL or CR inside a line of the head");
    if (number == 0)
        return check_version(line);
    if (str_cut(line, ':', &name, &value))
        return check_field(name, str_trim(value), seen);
    return line.len ? fault(400, "a header line without a colon") : none;
}

static struct http1_fault check_seen(const struct raw_framing *seen, struct str first_line)
{
    if (seen->lengths > 1 || seen->codings > 1 || (seen->lengths && seen->codings))
        return fault(400, "more than one Content-Length or Transfer-Encoding");
    if (seen->is_unknown_coding)
        return fault(501, "the only Transfer-Encoding known here is chunked");
    if (seen->hosts > 1)
        return fault(400, "more than one Host");
    if (seen->hosts == 0 && str_ends_with(first_line, STR(" HTTP/1.1")))
        return fault(400, "a request without Host");
    return none;
}

static struct http1_fault check_size(struct str head, bool is_whole, unsigned lines)
{
    if (str_find(head, '\n') > URI_BYTES)
        return fault(414, "the URI is too long");
    if (lines > HTTP1_MAX_FIELDS || (!is_whole && head.len >= HTTP1_HEAD_BYTES))
        return fault(431, "the header fields are too large");
    return none;
}

/* No head within HTTP1_HEAD_BYTES and HTTP1_MAX_FIELDS is too much without parameters. */
static struct http1_fault check_parameters(struct str target, size_t head_bytes, unsigned lines)
{
    size_t parameters = 0;
    for (size_t at = str_find(target, '?'); at < target.len; at++)
        parameters += target.ptr[at] == '?' || target.ptr[at] == '&';
    if (head_bytes + FIELD_BYTES * (lines + parameters) > HEAD_POOL_BYTES)
        return fault(414, "the URI has too many parameters: a form of a POST may have more");
    return none;
}

struct http1_fault http1_check_target(struct str target)
{
    return check_parameters(target, target.len, 0);
}

struct http1_fault http1_check_raw(struct str head)
{
    struct http1_fault f = none;
    struct raw_framing seen = {0};
    struct str first = {0}, line, rest = head;
    unsigned lines = 0;
    bool is_whole = false;
    for (; f.http == 0 && !is_whole && str_cut(rest, '\n', &line, &rest); lines++) {
        if (line.len == 0 || line.ptr[line.len - 1] != '\r')
            return fault(400, "a line of the head ends without CR");
        is_whole = line.len == 1; /* the body behind it is not looked at */
        line.len--;
        if (lines == 0)
            first = line;
        f = check_line(line, lines, &seen);
    }
    if (f.http == 0)
        f = check_size(head, is_whole, lines);
    if (f.http == 0)
        f = check_parameters(first, head.len - rest.len, lines);
    return f.http || !is_whole ? f : check_seen(&seen, first);
}
