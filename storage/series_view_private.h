/* series_view_private.h - what a view is. Shared by series_view.c and series_select.c. */
#ifndef WEFT_STORAGE_SERIES_VIEW_PRIVATE_H
#define WEFT_STORAGE_SERIES_VIEW_PRIVATE_H

#include "storage/series_store_private.h"

/* One holder, one thread at a time; what it refers to is shared and counted. */
struct series_view {
    struct series_store *store; /* borrowed: it outlives its views */
    struct series_set *set;     /* a reference */
};

#endif
