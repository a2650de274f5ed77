/* ui_assets.h - finds a file of the embedded UI by its path. */
#ifndef WEFT_QUERY_UI_ASSETS_H
#define WEFT_QUERY_UI_ASSETS_H

#include "base/str.h"
#include "query/ui_files.h"

/* "/" is "/index.html"; NULL when there is no such file. Static storage. Any thread. */
const struct ui_file *ui_asset_find(struct str path);

#endif
