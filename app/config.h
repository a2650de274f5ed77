/* config.h - the final settings: plain data, every value valid. Source: api.md section 5,
 * docs/config.md. */
#ifndef WEFT_APP_CONFIG_H
#define WEFT_APP_CONFIG_H

#include "base/buf.h"
#include "base/err.h"
#include "codec/metric_name.h"
#include "model/derived_settings.h"
#include "model/limits.h"
#include "storage/journal.h"

enum { CONFIG_TEXT_BYTES = 512 };

struct config {
    char data[CONFIG_TEXT_BYTES]; /* directory */
    char http[CONFIG_TEXT_BYTES], otlp_grpc[CONFIG_TEXT_BYTES], otlp_http[CONFIG_TEXT_BYTES];
    bool insecure, admin;
    enum ack_mode ack;
    uint64_t journal_max_bytes, checkpoint_ns;
    struct limits limits;
    uint32_t workers; /* 0 = one a core */
    uint64_t memory_bytes;
    struct retention retention;
    struct graph_settings graph;
    struct derived_settings derived;
    uint32_t series_max_active, series_max_per_sender;
    uint64_t series_downsample_after_ns, series_downsample_step_ns;
    enum metric_translation translation;
    bool self_series;
    struct config_remote_write *remote_write; /* owned; NULL: none */
};

enum config_unit {
    CONFIG_PATH,
    CONFIG_ADDR,
    CONFIG_BOOL,
    CONFIG_BYTES,
    CONFIG_DURATION,
    CONFIG_COUNT,
    CONFIG_RATIO,
    CONFIG_ACK,
    CONFIG_TRANSLATION,
    CONFIG_BOUNDS /* a list of ascending numbers; its field is struct derived_settings */
};

/* One row a setting: where it stands in the file, its unit, default and bounds, and what it is. */
struct setting {
    const char *path; /* "listen.http" */
    enum config_unit unit;
    const char *fallback; /* as it would be written in the file */
    double min, max;      /* inclusive; in bytes, ns or as counted */
    const char *help;
    size_t offset; /* into struct config */
    bool live;     /* a reload changes it in a running weft; the others wait for a restart */
};

extern const struct setting config_settings[];
extern const size_t config_setting_count;

/* The row of a dotted path, or NULL. *section (may be NULL) is the first row below the path, or
 * NULL. */
const struct setting *config_find(struct str path, const struct setting **section);
/* All defaults. Never fails: the rows are checked by a test. */
void config_defaults(struct config *c);
/* Frees what it owns. A copy of a config borrows that. */
void config_deinit(struct config *c);
/* Converts one text by its row. `folder` (may be empty) is what relative paths belong to.
 * ST_INVALID with a sentence. */
enum status config_set(struct config *c, const struct setting *row, struct str text,
                       struct str folder, struct err *e);
/* Bounds that need several settings: loopback or insecure. ST_INVALID, *setting is then the path of
 * the one to blame (static). */
enum status config_check(const struct config *c, const char **setting, struct err *e);
/* Reads a YAML file over *c, which owns what it gets: config_deinit() ends it. On an error *c is
 * unchanged and the sentence starts with file:line:column. */
enum status config_read(const char *path, struct config *c, struct err *e);
/* Takes the live settings of `fresh` over and appends the paths of the others that differ to
 * *waiting, comma separated. */
void config_take_live(struct config *c, const struct config *fresh, struct buf *waiting);
/* docs/config.md: a table of all rows. */
void config_print_reference(struct buf *out);

#endif
