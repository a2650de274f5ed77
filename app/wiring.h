/* wiring.h - creates every part bottom-up, joins them, and takes them down in order. */
#ifndef WEFT_APP_WIRING_H
#define WEFT_APP_WIRING_H

#include "app/config.h"

struct app;

/* Opens the data directory, binds, replays, starts. ST_BUSY: another weft has the directory;
 * ST_INVALID: a bad address; else what failed. `reload` is called for POST /-/reload, once *out is
 * set, maybe before this returns. The caller ends *out with app_stop(). */
enum status app_start(const struct config *config, enum status (*reload)(void *user, struct err *e),
                      void *user, struct app **out, struct err *e);
/* The bound addresses, as "http=... otlp_grpc=... otlp_http=...". */
void app_print_listening(const struct app *a);
/* The live settings of a reload take effect. Any thread. */
void app_apply(struct app *a, const struct config *config);
/* Drains, writes the last checkpoint, frees. At most about 5 s. */
void app_stop(struct app *a);

#endif
